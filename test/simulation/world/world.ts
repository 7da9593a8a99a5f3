/** Everything that a run consists of: processes of the program, what they talk to, who else is about, and who watches. */
import { createApp, type App, type Ports } from '../../../srv/app.ts';
import type { Application } from '../../../srv/config/application.ts';
import type { Settings } from '../../../srv/config/settings.ts';
import { ApiBudget } from '../../../srv/lanes/api-budget.ts';
import { ActivityRecord } from '../../../srv/monitor/activity.ts';
import { BoundsCheck } from '../checker/bounds.ts';
import { checkEffects, type Expected } from '../checker/effects.ts';
import { checkIsolation } from '../checker/isolation.ts';
import { OutcomeCheck } from '../checker/outcomes.ts';
import { OrderBook } from '../checker/orders.ts';
import { OwnershipCheck } from '../checker/ownership.ts';
import { PathCheck } from '../checker/paths.ts';
import { checkTransactions } from '../checker/transactions.ts';
import { Verdict } from '../checker/violation.ts';
import { WriteCheck } from '../checker/writes.ts';
import { SimApi } from './api.ts';
import { SimBroker } from './broker.ts';
import { settingsOf, type Circumstances } from './circumstances.ts';
import { embeddedJournal } from './embedded-journal.ts';
import type { Faults } from './faults.ts';
import { SharedJournal, type DurableJournal, type FullJournal } from './journal.ts';
import { SimLocks } from './locks.ts';
import { logInto } from './log.ts';
import { SimMesh } from './mesh.ts';
import { Operators } from './operators.ts';
import { SimProcess } from './process.ts';
import { Records } from './records.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';
import { hasNeighbour } from './shape.ts';
import { changeOn, COMPANY, seedRecords } from './territories.ts';
import { FOREIGN_FIELD, type Publication } from './workload.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly circumstances: Circumstances;
  readonly timeline: Timeline;
  readonly faults: Faults;
  readonly trace: Trace;
  readonly publications: readonly Publication[];
}

/** A running instance of the program. */
export interface Instance {
  readonly process: SimProcess;
  readonly app: App;
  readonly journal: FullJournal;
}

/** What an instance is made of besides the ports that differ by kind of journal. */
type JournalPorts = Pick<Ports, 'journal' | 'letters' | 'switches'>;

/** Name of the journal that all share. */
const SHARED = 'shared';
const RESTART_MS = { min: 1000, max: 15_000 };
const LOOK_MS = 3000;
/** So long a process that has stopped is watched. */
const AFTER_STOP_MS = 5000;

const application: Application = {
  name: 'territory-sync',
  instanceIndex: 0,
  deployed: false,
  production: false,
  source: '/territory-sync/simulated',
};

export class World {
  readonly verdict = new Verdict();
  readonly expected: Expected[] = [];
  readonly records: Records;
  readonly broker: SimBroker;
  readonly outcomes: OutcomeCheck;
  readonly writes: WriteCheck;
  readonly settings: Settings;
  readonly instances = new Map<string, Instance>();
  readonly orders = new OrderBook();
  private readonly bounds = new BoundsCheck(this.verdict);
  private readonly paths = new PathCheck();
  private readonly locks: SimLocks | undefined;
  private readonly operators: Operators;
  /** Of the shared journal, or by name of the process that has a journal of its own. */
  private readonly ownerships = new Map<string, OwnershipCheck>();
  private readonly options: WorldOptions;
  private readonly journal: SharedJournal | undefined;
  private readonly api: SimApi;
  /** Bodies of what nobody can carry out. */
  private readonly unreadable = new Set<string>();
  private readonly starts = new Map<string, number>();
  private foreignWrites = 0;
  private unpublished: number;
  private ending = false;

  constructor(options: WorldOptions) {
    this.options = options;
    const { circumstances, timeline, faults, trace, publications } = options;
    const { verdict } = this;
    const nowMs = (): number => timeline.nowMs;
    this.settings = settingsOf(circumstances);
    const { retry, propagation, batch, lease, territory, mesh } = this.settings;
    this.writes = new WriteCheck(
      verdict,
      trace,
      {
        retryFirstDelayMs: retry.firstDelayMs,
        retryLimit: retry.limit,
        restMs: propagation.minMs,
        batchMax: batch.sizeMax,
        batchStart: batch.size,
        journalOf: (process) => this.journalOf(process),
      },
      nowMs,
    );
    this.outcomes = new OutcomeCheck(verdict, trace, {
      mode: circumstances.mode,
      workQueue: mesh.queue,
      retryLimit: retry.limit,
      isTaken: (body) => this.ownershipOf(SHARED).taken.has(body),
      nowMs,
    });
    this.records = new Records(circumstances.manners, nowMs);
    seedRecords(this.records, circumstances.territories, circumstances.shape);
    this.broker = new SimBroker(this.outcomes);
    this.api = new SimApi({
      records: this.records,
      timeline,
      faults,
      watch: this.writes,
      leaving: (process, requests) =>
        this.ownershipOf(process.name).leaving(process, requests, territory.timeoutMs, this.locks),
      timeoutMs: territory.timeoutMs,
      latestMs: Math.min(lease.ttlS * 1000, 2 * territory.timeoutMs),
      cursed: circumstances.cursed,
      foreign: (key) => this.writeForeign(key),
    });
    if (circumstances.mode === 'durable') {
      const ownership = this.ownershipOf(SHARED);
      this.journal = new SharedJournal(
        timeline,
        faults,
        (process, method, parts, ...rest) => {
          if (method === 'takeUnsent') this.bounds.takesUnsent(process, parts[0] as number);
          ownership.called(process, method, parts, ...rest);
        },
        circumstances.appendMs,
      );
    }
    if (circumstances.locks === 'bound') this.locks = new SimLocks(timeline, faults);
    this.operators = new Operators({
      faults,
      timeline,
      trace,
      territories: circumstances.territories,
      pauses: hasNeighbour(circumstances.shape) ? 'territories' : 'all',
      instances: () => [...this.instances.values()],
      changeOf: (id) => this.expected.find((change) => change.id === id),
      watched: this.orders,
    });
    this.unpublished = publications.length;
    for (const publication of publications) timeline.after(publication.atMs, () => this.publish(publication));
  }

  start(): void {
    for (let index = 0; index < this.options.circumstances.instances; index += 1) {
      this.startInstance(String.fromCharCode(65 + index));
    }
    this.operators.start();
  }

  /** All that was published has been told of, and nothing is left to do. */
  get isDone(): boolean {
    return (
      this.unpublished === 0 &&
      this.outcomes.outcomes.size >= this.expected.length &&
      this.broker.queue(this.settings.mesh.queue).size === 0 &&
      this.expected.every(({ id }) => this.outcomes.outcomes.has(id)) &&
      this.undone().length === 0 &&
      [...this.unreadable].every((body) => this.outcomes.deadLetters.has(body))
    );
  }

  /** Something is published, and what people have stopped goes on. */
  accompany(number: number): void {
    this.tidyUp();
    this.unpublished += 1;
    this.publish(changeOn(COMPANY, number, this.options.timeline.nowMs));
  }

  tidyUp(): void {
    this.operators.tidyUp(this.settings.policy.onDeadLetter === 'hold' ? 'held' : 'never held');
  }

  /** Nothing is left to receive. Embedded, what has not ended stays in the queue. */
  get hasReceivedAll(): boolean {
    const { mode } = this.options.circumstances;
    return mode === 'embedded' || this.broker.queue(this.settings.mesh.queue).size === 0;
  }

  /** To be called after the end. */
  lookUp(): void {
    const ids = this.expected.map(({ id }) => id);
    this.paths.ask([...this.instances.values()], ids, this.options.trace);
  }

  /** Decisions that were accepted and have not ended. Without a database they are gone with their process. */
  private undone(): readonly string[] {
    if (this.options.circumstances.mode === 'embedded') return [];
    return this.orders.all
      .filter(({ changeId, decision }) => this.outcomes.outcomes.get(changeId)?.has(decision) !== true)
      .map(({ changeId, decision }) => `${changeId}/${decision}`);
  }

  /** No process is replaced any more. */
  end(): void {
    this.ending = true;
    for (const { process } of this.instances.values()) process.die('the end of the run');
  }

  /** To be called once nothing happens any more. `endsByMs`: change → when it was told of at the latest. */
  checkEnd(endsByMs: ReadonlyMap<string, number>): void {
    const { circumstances } = this.options;
    const { expected, outcomes, records, settings, verdict, writes } = this;
    for (const { id } of expected) {
      verdict.demand(outcomes.outcomes.has(id), 'liveness', () => `${id} has not ended`);
    }
    for (const [id, atMs] of endsByMs) {
      const toldMs = Math.min(...[...(outcomes.outcomes.get(id)?.values() ?? [])].map((told) => told.atMs));
      verdict.demand(toldMs <= atMs, 'in-time', () => `${id} ended at ${toldMs}, not by ${atMs}`);
    }
    for (const body of this.unreadable) {
      verdict.demand(
        outcomes.deadLetters.has(body),
        'liveness',
        () => `the dead-letter queue never got ${body}`,
      );
    }
    for (const name of this.undone()) {
      verdict.demand(false, 'liveness', () => `decision ${name} was accepted and has not ended`);
    }
    const ordersOn = (changeId: string) => this.orders.of(changeId);
    const work = this.broker.queue(settings.mesh.queue);
    verdict.demand(work.size === 0, 'liveness', () => `${work.size} messages are still in the work queue`);
    this.bounds.received(work.mostUnsettled, settings.intake.window);
    checkEffects(
      expected,
      outcomes.outcomes,
      records,
      {
        retryLimit: settings.retry.limit,
        onOverlap: settings.policy.onOverlap,
        repetition: circumstances.mode === 'embedded' ? 'again' : 'never',
        transactions: circumstances.transactions,
        batchMax: settings.batch.sizeMax,
        cursed: circumstances.cursed?.record,
        toldOf: (record) => writes.toldOf(record),
        othersWrote: (...between) => writes.othersWrote(...between),
        ordersOn,
      },
      verdict,
    );
    if (circumstances.transactions === 'per-change') {
      checkTransactions(expected, outcomes.outcomes, records, { ...circumstances, ordersOn }, verdict);
    }
    const hasForgotten = circumstances.mode === 'embedded' && !this.isTheFirstAlone();
    this.paths.check(outcomes.outcomes, { known: hasForgotten ? 'some' : 'all' }, verdict);
    const { counts } = this.options.faults;
    checkIsolation(expected, outcomes.outcomes, { ...circumstances, faults: counts }, verdict);
  }

  private publish({ message, change }: Publication): void {
    const { timeline } = this.options;
    this.unpublished -= 1;
    this.outcomes.expect(message, change?.id);
    if (!change) this.unreadable.add(message.body.toString());
    if (change && !this.expected.some(({ id }) => id === change.id)) {
      this.expected.push({ ...change, order: this.expected.length, publishedMs: timeline.nowMs });
    }
    this.broker.queue(this.settings.mesh.queue).put(message);
  }

  private startInstance(letter: string): void {
    const { seed, timeline, faults, trace, circumstances } = this.options;
    const start = (this.starts.get(letter) ?? 0) + 1;
    this.starts.set(letter, start);
    const name = start === 1 ? letter : `${letter}${start}`;
    trace.note(`${name} starts`);
    const process = new SimProcess({
      name,
      seed,
      timeline,
      faults,
      trace,
      freezeMs: circumstances.freezeMs,
    });
    const { clock, random } = process;
    const ofJournal = this.journalPortsOf(process);
    const { journal } = ofJournal;
    const log = logInto(trace, this.verdict, name);
    const ports: Ports = {
      clock,
      random,
      log,
      mesh: new SimMesh({
        process,
        broker: this.broker,
        timeline,
        faults,
        refused: (m) => this.outcomes.refused(m),
        unconfirmed: (count) => this.bounds.publishing(name, count),
      }),
      ...ofJournal,
      ...(this.locks && { locks: this.locks.client(process) }),
      api: this.api.client(process),
      activity: new ActivityRecord({ clock, conflicts: this.settings.conflicts }),
      budget: new ApiBudget({ limit: undefined, clock, log }),
    };
    const app = createApp(this.settings, application, ports);
    this.instances.set(letter, { process, app, journal });
    process.onDeath(() => {
      this.instances.delete(letter);
      if (this.ending) return;
      timeline.after(faults.between('crash', RESTART_MS.min, RESTART_MS.max), () => {
        if (!this.ending) this.startInstance(letter);
      });
    });
    app.start();
    this.stopSometime(letter, name);
  }

  /** The platform asks a process to stop whenever it likes; it kills what has not stopped in time. */
  private stopSometime(letter: string, name: string): void {
    const { faults, timeline, trace } = this.options;
    timeline.after(LOOK_MS, () => {
      const instance = this.instances.get(letter);
      if (instance?.process.name !== name) return;
      if (!faults.strikes('stop', 0.004, { process: name, at: 'timer' }))
        return this.stopSometime(letter, name);
      const { process, app } = instance;
      process.enter('SIGTERM', () => {
        trace.note(`${name} is asked to stop`);
        this.ownershipOf(name).stopping(name);
        timeline.after(this.settings.shutdown.timeoutS * 1000, () =>
          process.die('it has not stopped in time'),
        );
        void app.stop().then(() => {
          this.ownershipOf(name).stopped(name);
          timeline.after(AFTER_STOP_MS, () => process.die('it has stopped'));
        });
      });
    });
  }

  private journalPortsOf(process: SimProcess): JournalPorts & { readonly journal: FullJournal } {
    if (!this.journal) return { journal: this.embeddedJournal(process) };
    const shared: DurableJournal = this.journal.client(process);
    return { journal: shared, letters: shared, switches: shared };
  }

  private embeddedJournal(process: SimProcess): FullJournal {
    const standbys = this.settings.takeover.waitMs > 0 ? 'expected' : 'none';
    const ownership = this.ownershipOf(process.name);
    return embeddedJournal(process, standbys, (method, parts, answer) => {
      // Where another instance may have been delivered the same, everything begins anew.
      if (method === 'receiverLost' && standbys === 'expected') this.writes.doubt.forget(process.name);
      if (method === 'takeUnsent') this.bounds.takesUnsent(process.name, parts[0] as number);
      ownership.called(process.name, method, parts, answer, this.options.timeline.nowMs);
    });
  }

  /** One instance that has never been started again. */
  private isTheFirstAlone(): boolean {
    return this.starts.size === 1 && this.starts.get('A') === 1;
  }

  private journalOf(process: string): string {
    return this.options.circumstances.mode === 'durable' ? SHARED : process;
  }

  private ownershipOf(process: string): OwnershipCheck {
    const { timeline, trace } = this.options;
    const name = this.journalOf(process);
    let ownership = this.ownerships.get(name);
    if (!ownership) {
      ownership = new OwnershipCheck(this.verdict, trace, this.writes, () => timeline.nowMs);
      this.ownerships.set(name, ownership);
    }
    return ownership;
  }

  private writeForeign(key: string): void {
    this.foreignWrites += 1;
    const { foreign } = this.options.circumstances;
    const same = foreign === 'same-fields' && this.foreignWrites % 3 === 0;
    this.records.writeForeign(
      key,
      same ? { state: `foreign ${this.foreignWrites}` } : { [FOREIGN_FIELD]: this.foreignWrites },
    );
  }
}
