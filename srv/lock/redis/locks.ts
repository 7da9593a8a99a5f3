/** The territory locks in Redis. While Redis does not answer it is asked now and then, with a lock that nobody wants. */
import type { LaneClaim } from '../../journal/port.ts';
import { Availability, type AvailabilityCheck } from '../../platform/availability.ts';
import type { Clock, Timer } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import { LockStoreUnavailable, type TerritoryLocks } from '../port.ts';
import { openConnection, type RedisConnection } from './connection.ts';
import { besideTerritory, inKeyOrder, lockKey, lockValue } from './lock-value.ts';
import { RELEASE, RENEW, TAKE } from './scripts.ts';
import { readEndpoint, type Credentials } from './settings.ts';

export interface RedisLocksOptions {
  /** The bound service. */
  readonly binding: { readonly name: string; readonly credentials: Credentials };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Names this process to whoever looks at a lock. */
  readonly instance: string;
}

const PROBE_INTERVAL_MS = 1000;
/** Territory ids have a character at least. It has to be written: a full or read-only Redis answers everything else. */
const PROBE: LaneClaim = { territoryId: '', fence: 0 };
const REASON_LENGTH = 200;
const ENDED = 'the connection has ended';

/** What Redis says, and what is to be done about it. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^(MOVED|CROSSSLOT)\b/, 'it is a cluster, and the binding does not say "cluster_mode": true'],
  // All that ioredis tells of a node of a cluster, whatever the connection ended of.
  [
    /^Connection is closed/,
    'no node of the cluster takes the connection: is it up, and do "tls" and "ca" of the binding fit',
  ],
  [/cluster support disabled/, 'it is no cluster, though the binding says "cluster_mode": true'],
  [
    /^NOPERM\b/,
    'its user may not do what locks need: EVAL, SET, GET, PEXPIRE and DEL on keys that begin with territory:lock:',
  ],
];

const WORDS = {
  back: 'Redis answers; territory locks are taken',
  outage:
    'Redis cannot be used; no flight starts until it answers, since other programs could not be kept off',
} as const;

export class RedisLocks implements TerritoryLocks {
  private readonly options: RedisLocksOptions;
  private readonly availability: Availability;
  private readonly connection: RedisConnection;
  private readonly listeners = new Set<() => void>();
  private journal: string | undefined;
  private probeTimer: Timer | undefined;
  /** What could not be asked last: in a cluster, a node that answers says nothing of another one. */
  private unasked: readonly LaneClaim[] = [];
  private closed = false;

  constructor(options: RedisLocksOptions) {
    const { binding, clock, log, random } = options;
    this.options = options;
    this.availability = new Availability(clock, log, WORDS);
    this.connection = openConnection({
      endpoint: readEndpoint(binding.name, binding.credentials),
      random,
      onReady: () => this.probeAfter(0),
      onTrouble: (error) => this.failed(describe(error)),
      // Why it could not be made anew is told as trouble.
      onClosed: () => this.isUp && this.failed(ENDED),
    });
  }

  /**
   * Begins to connect; until Redis answers every call is refused.
   * @param journal id of the journal whose lanes are flown: the same for all that share it, and after a restart
   */
  start(journal: string): void {
    this.journal = journal;
    this.connection.open();
  }

  /** What is still held ends by itself, or is taken over. */
  close(): void {
    this.closed = true;
    this.probeTimer?.cancel();
    this.connection.close();
  }

  take(claims: readonly LaneClaim[], ttlMs: number): Promise<ReadonlySet<string>> {
    return this.ask(TAKE, claims, ttlMs);
  }

  renew(claims: readonly LaneClaim[], ttlMs: number): Promise<ReadonlySet<string>> {
    return this.ask(RENEW, claims, ttlMs);
  }

  async release(claims: readonly LaneClaim[]): Promise<void> {
    await this.ask(RELEASE, claims, 0);
  }

  check(): AvailabilityCheck {
    return this.availability.check();
  }

  onAvailable(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Answers the territories whose lock is ours. */
  private async ask(
    script: string,
    claims: readonly LaneClaim[],
    ttlMs: number,
  ): Promise<ReadonlySet<string>> {
    const { journal } = this;
    if (journal === undefined) throw new LockStoreUnavailable('The locks were not started.');
    if (claims.length === 0) return new Set();
    const owner = { journal, instance: this.options.instance };
    const ordered = inKeyOrder(claims);
    const locks = ordered.map(({ territoryId, fence }) => ({
      key: lockKey(territoryId),
      args: [lockValue(owner, fence), String(fence)],
    }));
    try {
      const answers = await this.connection.run(script, [String(Math.ceil(ttlMs)), journal], locks);
      const ours = ordered.filter((_, index) => answers[index] === 1);
      return new Set(ours.map(({ territoryId }) => territoryId));
    } catch (error) {
      if (!claims.includes(PROBE)) this.unasked = ordered;
      this.failed(this.reasonFor(error));
      throw new LockStoreUnavailable(`Redis cannot be asked for locks: ${this.check().reason}`, {
        cause: error,
      });
    }
  }

  private get isUp(): boolean {
    return this.availability.check().status === 'UP';
  }

  /** A call without a connection fails for a reason that is known already, and says less of it. */
  private reasonFor(error: unknown): string {
    const { reason } = this.check();
    const isAnswer = error instanceof Error && error.name === 'ReplyError';
    return isAnswer || reason === undefined ? describe(error) : reason;
  }

  private answered(): void {
    this.unasked = [];
    if (this.isUp) return;
    this.availability.answered();
    this.probeTimer?.cancel();
    for (const listener of this.listeners) listener();
  }

  private failed(reason: string): void {
    if (this.closed) return;
    this.availability.failed(reason);
    this.probeAfter(PROBE_INTERVAL_MS);
  }

  private probeAfter(delayMs: number): void {
    if (this.closed) return;
    this.probeTimer?.cancel();
    this.probeTimer = this.options.clock.after(delayMs, () => void this.probe());
  }

  /** Never rejects: a failure is noted, and leads to the next probe. Asks every node that could not be asked before. */
  private async probe(): Promise<void> {
    const { unasked } = this;
    const probes = [
      PROBE,
      ...unasked.map(({ territoryId }) => ({ ...PROBE, territoryId: besideTerritory(territoryId) })),
    ];
    try {
      await this.take(probes, PROBE_INTERVAL_MS);
      await this.release(probes);
      // Else a call has failed meanwhile, and the next probe asks for what that one asked.
      if (this.unasked === unasked) this.answered();
    } catch (error) {
      if (!(error instanceof LockStoreUnavailable)) throw error;
    }
  }
}

/** A system's code, or the first line of what Redis says. Neither holds a password. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed without a reason';
  if (error.name === 'MaxRetriesPerRequestError') return ENDED;
  const { lastNodeError } = error as { readonly lastNodeError?: unknown };
  // Of a cluster none of whose nodes could be asked: what the last one said.
  if (lastNodeError instanceof Error) return describe(lastNodeError);
  const advice = ADVICE.find(([said]) => said.test(error.message));
  if (advice) return advice[1];
  const { code } = error as { readonly code?: unknown };
  if (typeof code === 'string' && code !== '') return code;
  return (error.message.split('\n')[0] ?? '').slice(0, REASON_LENGTH) || error.name;
}
