/** The settings of a run that are not faults: how many instances, which kind of journal, how the API behaves when it is well. */
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';
import type { Manners } from './records.ts';
import { shapeOf, type Shape } from './shape.ts';

export interface Circumstances {
  readonly shape: Shape;
  readonly mode: 'durable' | 'embedded';
  readonly instances: number;
  readonly territories: number;
  readonly manners: Manners;
  readonly foreign: 'other-fields' | 'same-fields';
  readonly lifecycle: 'updates-only' | 'creates-and-deletes';
  /** Whether events say what their source saw before. */
  readonly images: 'given' | 'none';
  /** Whether values are unique, so that it is known whose each is, or recur, so that many writes are needless. */
  readonly values: 'unique' | 'recurring';
  readonly locks: 'bound' | 'none';
  /** A record on which the API always fails: by itself, or together with every request that it is in. */
  readonly cursed: { readonly record: string; readonly fails: 'alone' | 'whole-requests' } | undefined;
  /** How long a process freezes. */
  readonly freezeMs: { readonly min: number; readonly max: number };
  /** Multiplies the probability of every fault. */
  readonly intensity: number;
  /** All changes are published within this time. */
  readonly publishedWithinMs: number;
  /** An append to the database takes so much longer than its other calls. */
  readonly appendMs: number;
  /** What the program's settings are read from. */
  readonly environment: Readonly<Record<string, string>>;
}

const STANDBY_FREEZE_MS = 5000;
const INTENSITIES = [1, 3, 6, 10];
/** A lost link brings everything once more, and hides what was left behind. */
const BURST_INTENSITIES = [0.05, 0.3, 1];
const NEIGHBOUR_MS = 120_000;
const PUBLISHED_WITHIN_MS = [500, 20_000, 120_000, 400_000];

/** What a script starts from: one instance, an API whose reads are fresh, no locks. */
export const CALM: Circumstances = {
  shape: 'ordinary',
  mode: 'durable',
  instances: 1,
  territories: 2,
  manners: {
    idempotency: 'ignored',
    etags: 'told',
    checksFirst: 'version',
    freshReads: 'all',
    maxLagMs: 4900,
  },
  foreign: 'other-fields',
  lifecycle: 'updates-only',
  images: 'none',
  values: 'unique',
  locks: 'none',
  cursed: undefined,
  freezeMs: { min: 1000, max: 120_000 },
  intensity: 1,
  publishedWithinMs: 0,
  appendMs: 0,
  environment: { LEASE_TTL_S: '60', TERRITORY_TIMEOUT_MS: '30000', BATCH_SIZE: '50' },
};

export function circumstancesOf(seed: number, territories: number): Circumstances {
  const ordinary = ordinaryOf(seed, territories);
  switch (shapeOf(seed)) {
    case 'ordinary':
      return ordinary;
    case 'burst':
      return burst(seed, ordinary);
    case 'neighbour':
      return { ...ordinary, shape: 'neighbour', publishedWithinMs: NEIGHBOUR_MS };
  }
}

/** Received in few appends, each longer than it takes to deliver all; then silence, in which little comes again by itself. */
function burst(seed: number, ordinary: Circumstances): Circumstances {
  const random = new SeededRandom(seed, 'burst');
  const { environment } = ordinary;
  return {
    ...ordinary,
    shape: 'burst',
    intensity: BURST_INTENSITIES[random.below(BURST_INTENSITIES.length)] ?? 1,
    publishedWithinMs: 1,
    appendMs: 100 + random.below(400),
    environment: { ...environment, INTAKE_WINDOW: '1000' },
  };
}

function ordinaryOf(seed: number, territories: number): Circumstances {
  const random = new SeededRandom(seed, 'circumstances');
  // Embedded, another instance may wait for the exclusive queue.
  const standsBy = new SeededRandom(seed, 'standby').below(3) === 0;
  const pick = <T>(...ways: readonly [T, ...T[]]): T => ways[random.below(ways.length)] ?? ways[0];
  const mode = pick<Circumstances['mode']>('durable', 'durable', 'durable', 'embedded');
  const late = pick('late', 'late', 'late', 'never');
  const fails = pick('never', 'never', 'never', 'alone', 'whole-requests');
  const leaseS = pick(60, 60, 90);
  const batch = pick(1, 5, 50);
  const onDeadLetter = mode === 'durable' ? pick('skip', 'skip', 'skip', 'hold') : 'skip';
  return {
    shape: 'ordinary',
    mode,
    instances: mode === 'durable' ? pick(1, 2, 2, 3) : standsBy ? 2 : 1,
    territories,
    manners: {
      idempotency: pick<Manners['idempotency']>('kept', 'ignored'),
      etags: pick<Manners['etags']>('told', 'untold'),
      checksFirst: pick<Manners['checksFirst']>('version', 'content'),
      freshReads: pick<Manners['freshReads']>('none', 'past-cache', 'past-cache', 'all'),
      maxLagMs: late === 'late' ? 4900 : 0,
    },
    foreign: pick<Circumstances['foreign']>('other-fields', 'same-fields'),
    lifecycle: pick<Circumstances['lifecycle']>('updates-only', 'creates-and-deletes'),
    images: pick<Circumstances['images']>('given', 'none'),
    values: pick<Circumstances['values']>('unique', 'unique', 'recurring'),
    locks: pick<Circumstances['locks']>('bound', 'none'),
    cursed: fails === 'never' ? undefined : { record: 'territory-0/T1', fails },
    // Who takes over waits for what a request takes; one that stands still for longer may write late: that is not promised.
    freezeMs: { min: 1000, max: mode === 'embedded' && standsBy ? STANDBY_FREEZE_MS : 2 * leaseS * 1000 },
    intensity: pick(...(INTENSITIES as [number, ...number[]])),
    publishedWithinMs: pick(...(PUBLISHED_WITHIN_MS as [number, ...number[]])),
    appendMs: 0,
    environment: {
      RETRY_LIMIT: pick('5', '5', '2', '0'),
      ON_OVERLAP: pick('source-wins', 'source-wins', 'review'),
      ON_DEAD_LETTER: onDeadLetter,
      BATCH_SIZE: String(batch),
      LOCK_TTL_S: pick('300', '60', '90'),
      LEASE_TTL_S: String(leaseS),
      TERRITORY_TIMEOUT_MS: pick('30000', '10000'),
      TERRITORY_CONCURRENCY: pick('4', '1', '2'),
      // Embedded, lanes that wait for others to succeed must not fill the window: that is not promised there.
      INTAKE_WINDOW: mode === 'durable' ? pick('1000', '20', '5') : '1000',
      ...(mode === 'embedded' && standsBy && { TAKEOVER_WAIT_MS: '30000' }),
      ...(late === 'never' && { PROPAGATION_MIN_MS: '0', PROPAGATION_MAX_MS: '0' }),
    },
  };
}
