/** One mesh layer with traffic both ways, the strait, and the broker behind it; and what has to hold of them. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createMesh, type MeshEndpoint } from '../../../srv/mesh/index.ts';
import type { Mesh, MeshState, Subscription } from '../../../srv/mesh/port.ts';
import {
  CountingClock,
  eventually,
  RecordingLog,
  hundredth,
  webSocketOf,
} from '../../integration/mesh-parts.ts';
import { startSandboxMesh, type SandboxMesh } from '../../sandbox/mesh/index.ts';
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';
import { Attempts } from './attempts.ts';
import { Dispatches } from './dispatches.ts';
import { Receipts } from './receipts.ts';
import { Strait } from './strait.ts';

const WORK = 'default/territory/sync/changes';
const BURIED = 'default/territory/sync/deadletter';
const OUT = 'default/territory/sync/outcomes';
export const WINDOW = 12;
/** Production's times run about this much faster here. */
export const SPEED = 100;
/** For anything to come about on a busy machine. */
const PATIENCE_MS = 20_000;
/** One each: the connection's, a token's, the subscription's, the publisher's. */
const TIMERS_AT_MOST = 4;

const PACE = { firstMs: 20, maxMs: 300, stableMs: 600 };

export class World {
  readonly broker: SandboxMesh;
  readonly strait: Strait;
  readonly chance: SeededRandom;
  readonly clock = new CountingClock();
  readonly log = new RecordingLog();
  readonly mesh: Mesh;
  readonly subscription: Subscription;
  readonly receipts: Receipts;
  readonly dispatches: Dispatches;
  readonly attempts: Attempts;
  readonly #end = new AbortController();
  readonly #owned: Promise<void>[] = [];
  #fed = 0;

  private constructor(broker: SandboxMesh, strait: Strait, seed: number) {
    this.broker = broker;
    this.strait = strait;
    this.chance = new SeededRandom(seed, 'strikes');
    const waits = new SeededRandom(seed, 'waits');
    this.mesh = createMesh({
      endpoint: this.#endpoint(),
      clock: this.clock,
      random: { fraction: () => waits.fraction(), uuid: () => `${seed}-${waits.fraction()}` },
      log: this.log,
      options: { ...hundredth, backoff: PACE, stableMs: PACE.stableMs },
    });
    this.attempts = new Attempts(this.mesh, PACE);
    this.receipts = new Receipts();
    this.subscription = this.mesh.subscribe({ queue: WORK, window: WINDOW }, this.receipts);
    this.dispatches = new Dispatches(this.mesh, OUT, this.#end.signal);
  }

  static async start(seed: number): Promise<World> {
    const broker = await startSandboxMesh();
    broker.createQueue(BURIED);
    broker.createQueue(OUT);
    // It counts redeliveries, and has a place for what was tried too often; the limit is off, as on a real work queue.
    broker.createQueue(WORK, { accessType: 'EXCLUSIVE', maxRedeliveryCount: 0, deadMsgQueue: BURIED });
    return new World(broker, await Strait.open(broker.port), seed);
  }

  get state(): MeshState {
    return this.mesh.status().state;
  }

  feed(count: number): void {
    for (let left = count; left > 0; left--) this.broker.enqueue(WORK, { body: String(this.#fed++) });
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    try {
      await eventually(holds, what, PATIENCE_MS);
    } catch (error) {
      throw new Error(`${String(error)}; ${this.#describe()}`, { cause: error });
    }
  }

  /** Open, the queue attached. */
  untilReceiving(): Promise<void> {
    return this.until(
      () => this.state === 'open' && this.broker.consumers(WORK).active === 1,
      'open and receiving',
    );
  }

  /** Takes over a promise of what was begun in passing. */
  readonly own = (work: Promise<void>): void => {
    this.#owned.push(work);
  };

  /** All that was taken over has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#owned.splice(0));
  }

  /** What is waiting is received and settled, what is sent is confirmed, and more of both. */
  async flowGoesOn(): Promise<void> {
    this.receipts.settleAll();
    this.feed(5);
    this.dispatches.send(3);
    await this.until(() => {
      const { ready, unsettled } = this.broker.depth(WORK);
      return this.dispatches.confirmed.size === this.dispatches.sent && ready + unsettled === 0;
    }, 'the flow goes on by itself');
    if (this.clock.timers > TIMERS_AT_MOST) throw new Error(`${this.clock.timers} timers at a time`);
  }

  /** Stops the layer if it still runs; a successor takes what is left; then everything is counted. */
  async finish(): Promise<readonly string[]> {
    this.#end.abort();
    await this.mesh.stop();
    await this.dispatches.over();
    const timers = this.clock.timers;
    const receipts = await this.#successor();
    await this.until(() => this.strait.connections === 0, 'no connection left');
    const { counters } = this.broker;
    const faults = [
      ...this.attempts.faults(),
      ...receipts.faults(),
      ...this.dispatches.refused.map((reason) => `refused: ${reason}`),
      ...this.log.defects.map((line) => `defect: ${JSON.stringify(line)}`),
    ];
    const expectations: readonly [string, number, number][] = [
      ['timers left', timers, 0],
      ['messages received', receipts.received, this.#fed],
      ['messages settled', counters.acceptances, this.#fed],
      ['messages rejected', counters.rejections, 0],
      ['messages dead-lettered or dropped', counters.deadLettered + counters.dropped, 0],
      ['confirmed messages that are not there', this.#missing(), 0],
    ];
    for (const [what, is, wanted] of expectations)
      if (is !== wanted) faults.push(`${what}: ${is}, not ${wanted}`);
    if (counters.maxUpgradesWaiting > 1) faults.push(`${counters.maxUpgradesWaiting} upgrades at a time`);
    // The successor's one is among them.
    if (counters.upgrades > this.attempts.count + 1) faults.push('more upgrades than attempts');
    if (this.strait.mostTokensAtATime > 1)
      faults.push(`${this.strait.mostTokensAtATime} token requests at a time`);
    await this.close();
    return faults;
  }

  /** Ends everything, in whatever state it is. */
  async close(): Promise<void> {
    this.#end.abort();
    this.strait.release();
    await this.mesh.stop();
    await this.strait.close();
    await this.broker.stop();
  }

  async #successor(): Promise<Receipts> {
    const { ready, unsettled } = this.broker.depth(WORK);
    const receipts = new Receipts(this.receipts);
    if (ready + unsettled === 0) return receipts;
    const mesh = createMesh({
      endpoint: this.#endpoint(),
      clock: this.clock,
      random: { fraction: () => 0.5, uuid: () => 'successor' },
      log: this.log,
      options: { ...hundredth, connectTimeoutMs: PATIENCE_MS },
    });
    mesh.subscribe({ queue: WORK, window: WINDOW }, receipts);
    mesh.start();
    await this.until(
      () => this.broker.depth(WORK).ready + this.broker.depth(WORK).unsettled === 0,
      'the rest',
    );
    await mesh.stop();
    await nextTurn();
    return receipts;
  }

  #missing(): number {
    const stored = new Set(this.broker.peek(OUT).map(({ body }) => Number(body.toString())));
    return [...this.dispatches.confirmed].filter((number) => !stored.has(number)).length;
  }

  #endpoint(): MeshEndpoint {
    const direct = webSocketOf(this.broker);
    const through = (uri: string): string => uri.replace(String(this.broker.port), String(this.strait.port));
    const { oauth } = direct;
    return { ...direct, uri: through(direct.uri), oauth: { ...oauth, tokenUrl: through(oauth.tokenUrl) } };
  }

  #describe(): string {
    const { state, reason } = this.mesh.status();
    const { confirmed, sent } = this.dispatches;
    return `${state} (${reason ?? ''}), ${JSON.stringify(this.broker.depth(WORK))}, ${confirmed.size} of ${sent} confirmed`;
  }
}
