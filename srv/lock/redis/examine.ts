/**
 * Looks whether a bound Redis can do what the locks need, for a person who asks before the service does: it is reached, scripts may set,
 * read and delete keys of the locks' prefix, and it is a cluster or none as the binding says.
 */
import { sleep, type Clock } from '../../platform/clock.ts';
import { LockStoreUnavailable } from '../port.ts';
import { RedisLocks, type RedisLocksOptions } from './locks.ts';
import { readEndpoint, RedisSettingsError } from './settings.ts';

export interface RedisFinding {
  readonly verdict: 'ok' | 'failed';
  /** One line without secrets. */
  readonly text: string;
}

/** A person waits: for an answer, and for another reason than the first one why there is none. */
const PATIENCE_MS = 8000;
const SECOND_TRY_MS = 1200;
const LOOK_EVERY_MS = 100;
const PROBE_MS = 2000;
const NAME = 'territory-sync check';
/** So many keys lie in several parts of any cluster; no real territory is meant by them. */
const PROBES = Array.from({ length: 20 }, (_, index) => ({ territoryId: `${NAME} ${index}`, fence: 1 }));

/** Never rejects for what is wrong with binding or Redis: that is the finding. The probes' locks are given back. */
export async function examineRedis({
  binding,
  clock,
  random,
  log,
}: Omit<RedisLocksOptions, 'instance'>): Promise<RedisFinding> {
  const failed = (text: string): RedisFinding => ({ verdict: 'failed', text });
  let locks: RedisLocks | undefined;
  try {
    const { host, port, mode, tls } = readEndpoint(binding.name, binding.credentials);
    const where = `${host}:${port}`;
    const journal = `${NAME} ${random.uuid()}`;
    locks = new RedisLocks({ binding, clock, random, log, instance: journal });
    locks.start(journal);
    const trouble = await untilAnswers(locks, clock);
    if (trouble !== undefined) return failed(`${where}: ${trouble}`);
    for (const [what, ask] of [
      ['taken', () => locks?.take(PROBES, PROBE_MS)],
      ['renewed', () => locks?.renew(PROBES, PROBE_MS)],
    ] as const) {
      const ours = await ask();
      if (ours?.size !== PROBES.length) return failed(`${where}: locks cannot be ${what}, though it answers`);
    }
    await locks.release(PROBES);
    const manner = [
      mode === 'cluster' ? 'a cluster' : 'a single server',
      tls ? 'encrypted' : 'not encrypted',
    ];
    return { verdict: 'ok', text: `territory locks can be taken at ${where} (${manner.join(', ')})` };
  } catch (error) {
    if (error instanceof RedisSettingsError || error instanceof LockStoreUnavailable)
      return failed(error.message);
    throw error;
  } finally {
    locks?.close();
  }
}

/** Undefined as soon as it is up, else why it is not. */
async function untilAnswers(locks: RedisLocks, clock: Clock): Promise<string | undefined> {
  const first = locks.check().reason;
  let endsAtMs = clock.monotonicMs() + PATIENCE_MS;
  for (let now = locks.check(); now.status === 'DOWN'; now = locks.check()) {
    if (now.reason !== first) endsAtMs = Math.min(endsAtMs, clock.monotonicMs() + SECOND_TRY_MS);
    if (clock.monotonicMs() >= endsAtMs) return now.reason ?? 'it does not answer';
    await sleep(clock, LOOK_EVERY_MS);
  }
  return undefined;
}
