/** The settings of a run that are not faults: how many instances, which kind of journal, how the API behaves when it is well. */
import { readSettings, type Settings } from '../../../srv/config/settings.ts';
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
  readonly transactions: 'none' | 'per-change';
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
/** With hundreds of records in a change, what strikes each now and then would strike every change. */
const WIDE_INTENSITY = 0.3;
const NEIGHBOUR_MS = 120_000;
const HOT = {
  TERRITORY_CONCURRENCY: '1',
  BATCH_SIZE: '1',
  BATCH_SIZE_MAX: '1',
  PROPAGATION_MIN_MS: '0',
  PROPAGATION_MAX_MS: '0',
};
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
  transactions: 'none',
  cursed: undefined,
  freezeMs: { min: 1000, max: 120_000 },
  intensity: 1,
  publishedWithinMs: 0,
  appendMs: 0,
  environment: { LEASE_TTL_S: '60', TERRITORY_TIMEOUT_MS: '30000', BATCH_SIZE: '50' },
};

/** The program's settings. */
export function settingsOf({ environment, mode }: Circumstances): Settings {
  return readSettings(environment, {
    deployed: false,
    postgres: mode === 'durable',
    meshNamespace: 'simulated/territory/sync',
  }).settings;
}

export function circumstancesOf(seed: number, territories: number): Circumstances {
  const isAtomic = new SeededRandom(seed, 'transactions').below(8) === 0;
  const single = ordinaryOf(seed, territories);
  const ordinary = isAtomic ? atomic(single) : single;
  switch (shapeOf(seed)) {
    case 'ordinary':
      return ordinary;
    case 'burst':
      return burst(seed, ordinary);
    case 'neighbour':
      return { ...ordinary, shape: 'neighbour', publishedWithinMs: NEIGHBOUR_MS };
    case 'wide':
      return { ...ordinary, shape: 'wide', intensity: WIDE_INTENSITY };
    case 'hot':
      return hot(ordinary);
  }
}

/** Each change is one transaction; some have more records than one may have. */
function atomic(single: Circumstances): Circumstances {
  const { environment } = single;
  return {
    ...single,
    transactions: 'per-change',
    environment: {
      ...environment,
      TERRITORY_ATOMIC: 'true',
      TERRITORY_PROTOCOL: 'odata-v4',
      ...(environment['BATCH_SIZE'] === '1' && { BATCH_SIZE_MAX: '2' }),
    },
  };
}

/** One flight at a time, of one record, and no rest after it: whoever has something to write always does. */
function hot(ordinary: Circumstances): Circumstances {
  const { environment, manners } = ordinary;
  return {
    ...ordinary,
    shape: 'hot',
    instances: 1,
    manners: { ...manners, maxLagMs: 0 },
    publishedWithinMs: NEIGHBOUR_MS,
    environment: { ...environment, ...HOT },
  };
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
    // Each change of a record that is gone takes minutes where no read is ever fresh.
    lifecycle: 'updates-only',
    // Embedded, one blocked territory must not fill the window.
    environment: { ...environment, INTAKE_WINDOW: ordinary.mode === 'embedded' ? '2000' : '1000' },
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
    transactions: 'none',
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
      ...(batch === 5 && { BATCH_SIZE_MAX: '8' }),
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
