/**
 * A database that several processes share, behind the journal port: the same lanes for all of them, leases by its own clock.
 * Calls to it may fail before or after they took effect, take long, or meet no database at all.
 */
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import {
  JournalUnavailable,
  type AppendResult,
  type Arrival,
  type ChangeArrival,
  type ClaimRequest,
  type Journal,
  type LetterBook,
  type OperatedJournal,
  type SharedSwitches,
} from '../../../srv/journal/port.ts';
import type { Clock } from '../../../srv/platform/clock.ts';
import type { Faults } from './faults.ts';
import { SimLetters } from './letters.ts';
import type { SimProcess } from './process.ts';
import { sets, UNSTORABLE } from './records.ts';
import { SimSwitches } from './switches.ts';
import { START_EPOCH_MS, type Timeline } from './timeline.ts';

export type FullJournal = Journal & OperatedJournal;
/** What a durable journal has beside. */
export type DurableJournal = FullJournal & LetterBook & SharedSwitches;
type Method = keyof DurableJournal;
type Call = (...parts: readonly unknown[]) => Promise<unknown>;

/** Sees every call that took effect, with its answer. */
export type JournalWatch = (
  process: string,
  method: Method,
  parts: readonly unknown[],
  answer: unknown,
  askedAtMs: number,
) => void;

/** As the database has it: a message whose publisher has not confirmed it by then is handed out again. */
const OUTBOX_LEASE_MS = 120_000;
const LOOK_INTERVAL_MS = 10_000;
/** These wait for the database to come back. */
const PATIENT: readonly Method[] = ['append', 'storeIntents', 'complete', 'markSent', 'giveBack', 'park'];
const PATIENCE_MS = 1000;

export class SharedJournal {
  /** Epoch milliseconds are the database's own, whatever the processes believe. */
  readonly clock: Clock;
  readonly store: MemoryJournal;
  /** Parked: refused by the mesh for good. */
  readonly parked = new Set<string>();
  private readonly timeline: Timeline;
  private readonly faults: Faults;
  private readonly watch: JournalWatch;
  private readonly letters: SimLetters;
  private readonly switches = new SimSwitches();
  /** Lanes that operators have paused, and that stand at a dead letter. */
  private readonly paused = new Set<string>();
  private readonly held = new Set<string>();
  private readonly taken = new Map<string, number>();
  private readonly appendMs: number;
  private outageUntilMs = 0;

  /** @param appendMs how much longer an append takes */
  constructor(timeline: Timeline, faults: Faults, watch: JournalWatch, appendMs = 0) {
    this.appendMs = appendMs;
    this.timeline = timeline;
    this.faults = faults;
    this.watch = watch;
    this.clock = {
      now: () => START_EPOCH_MS + timeline.nowMs,
      monotonicMs: () => timeline.nowMs,
      after: (delayMs, action) => ({ cancel: timeline.after(delayMs, action) }),
    };
    this.store = new MemoryJournal({ clock: this.clock });
    this.letters = new SimLetters({
      now: () => this.clock.now(),
      laterChanges: async (id) => (await this.store.deadLetter(id))?.laterChanges ?? 0,
      held: (territoryId, to) => this.hold(territoryId, to),
    });
  }

  /** The journal as this process has it. */
  client(process: SimProcess): DurableJournal {
    const local: Partial<Record<Method, unknown>> = {
      durability: 'journal',
      receiverLost: async () => undefined,
      onReleased: () => () => undefined,
      onWork: (listener: () => void) => this.listen(process, listener),
      onSwitched: (listener: () => void) => this.listenToSwitches(process, listener),
    };
    return new Proxy({} as DurableJournal, {
      get: (_, name) => {
        const method = name as Method;
        if (method in local) return local[method];
        if (method !== 'park' && !this.ownerOf(method)) return undefined;
        const call: Call = (...parts) => this.call(process, method, parts);
        local[method] = call;
        return call;
      },
    });
  }

  private async call(process: SimProcess, method: Method, parts: readonly unknown[]): Promise<unknown> {
    try {
      return await this.callOnce(process, method, parts);
    } catch (error) {
      if (!PATIENT.includes(method) || process.random.fraction() < 0.5) throw error;
      await new Promise<void>((resolve) => process.clock.after(PATIENCE_MS, resolve));
      return this.callOnce(process, method, parts);
    }
  }

  private callOnce(process: SimProcess, method: Method, parts: readonly unknown[]): Promise<unknown> {
    const { faults, timeline } = this;
    const occasion = { process: process.name, at: `journal.${method}` };
    const askedAtMs = timeline.nowMs;
    const slow = faults.strikes('journal-slow', 0.003, occasion);
    const longerMs = method === 'append' ? this.appendMs : 0;
    const delayMs = (): number =>
      slow
        ? faults.between('journal-slow', 500, 8000)
        : longerMs + 1 + Math.floor(process.random.fraction() * 6);
    return process.call(occasion.at, delayMs, async () => {
      if (faults.strikes('journal-outage', 0.0002, occasion)) {
        this.outageUntilMs = timeline.nowMs + faults.between('journal-outage', 1000, 90_000);
      }
      if (timeline.nowMs < this.outageUntilMs || faults.strikes('journal-refused', 0.004, occasion)) {
        throw new JournalUnavailable('connection or serialization failure');
      }
      const answer = await this.carryOut(method, parts);
      await this.letters.called(method, parts, answer);
      this.watch(process.name, method, parts, answer, askedAtMs);
      if (faults.strikes('journal-answer-lost', 0.003, occasion)) {
        throw new JournalUnavailable('the connection ended before the answer came');
      }
      return answer;
    });
  }

  private async carryOut(method: string, parts: readonly unknown[]): Promise<unknown> {
    switch (method) {
      case 'append':
        return this.append(parts[0] as readonly Arrival[]);
      case 'takeUnsent': {
        await this.expireTaken();
        const messages = await this.store.takeUnsent(...(parts as Parameters<Journal['takeUnsent']>));
        for (const { id } of messages) this.taken.set(id, this.timeline.nowMs + OUTBOX_LEASE_MS);
        return messages;
      }
      case 'park':
        for (const id of parts[0] as readonly string[]) this.parked.add(id);
        return this.store.markSent(parts[0] as readonly string[]);
      case 'markSent':
      case 'giveBack':
        for (const id of parts[0] as readonly string[]) this.taken.delete(id);
        return this.store[method](parts[0] as readonly string[]);
      case 'claim':
        return this.switches.arePaused ? [] : this.store.claim(parts[0] as ClaimRequest);
      case 'pauseLane':
        this.paused.add(parts[0] as string);
        return this.store.pauseLane(parts[0] as string);
      case 'resumeLane':
        this.paused.delete(parts[0] as string);
        return !this.held.has(parts[0] as string) && this.store.resumeLane(parts[0] as string);
      default: {
        const owner = this.ownerOf(method) as Readonly<Record<string, Call>>;
        return owner[method]?.(...parts);
      }
    }
  }

  /** A change with a value that the database cannot hold is refused alone; as something unreadable it is only bytes. */
  private async append(arrivals: readonly Arrival[]): Promise<readonly AppendResult[]> {
    const isHeld = (arrival: Arrival) => arrival.kind === 'unreadable' || !isUnstorable(arrival);
    const results = (await this.store.append(arrivals.filter(isHeld))).values();
    return arrivals.map((arrival) => {
      const result = isHeld(arrival) ? results.next().value : undefined;
      return result ?? { kind: 'refused', reason: 'invalid text' };
    });
  }

  /** Which part of the database carries it out. */
  private ownerOf(method: string): unknown {
    return [this.store, this.letters, this.switches].find(
      (part) => typeof (part as unknown as Readonly<Record<string, unknown>>)[method] === 'function',
    );
  }

  private async hold(territoryId: string, to: 'held' | 'free'): Promise<void> {
    if (to === 'held') {
      this.held.add(territoryId);
      return this.store.pauseLane(territoryId);
    }
    this.held.delete(territoryId);
    if (!this.paused.has(territoryId)) await this.store.resumeLane(territoryId);
  }

  private async expireTaken(): Promise<void> {
    const expired = [...this.taken].filter(([, untilMs]) => untilMs <= this.timeline.nowMs).map(([id]) => id);
    for (const id of expired) this.taken.delete(id);
    if (expired.length > 0) await this.store.giveBack(expired);
  }

  private listen(process: SimProcess, listener: () => void): () => void {
    const stop = this.store.onWork(() => {
      if (this.faults.strikes('announcement-lost', 0.02, { process: process.name })) return;
      this.timeline.after(2, () => process.enter('journal.onWork', listener));
    });
    return this.lookToo(process, listener, stop);
  }

  private listenToSwitches(process: SimProcess, listener: () => void): () => void {
    const stop = this.switches.onSwitched(() =>
      this.timeline.after(2, () => process.enter('journal.onSwitched', listener)),
    );
    return this.lookToo(process, listener, stop);
  }

  /** Besides being told the listener looks now and then; `stop` ends the telling. */
  private lookToo(process: SimProcess, listener: () => void, stop: () => void): () => void {
    let stopped = false;
    const look = (): void => {
      if (stopped) return;
      listener();
      process.clock.after(LOOK_INTERVAL_MS, look);
    };
    process.clock.after(LOOK_INTERVAL_MS, look);
    const end = (): void => {
      stopped = true;
      stop();
    };
    process.onDeath(end);
    return end;
  }
}

function isUnstorable({ change }: ChangeArrival): boolean {
  return change.assignments.some((assignment) => sets(assignment, UNSTORABLE));
}
