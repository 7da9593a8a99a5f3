/** Settings of the instances: waits as short as the simulator's, a lease that ends within the test, so few records a flight that many fly. */
import { FAST_SETTINGS } from '../e2e/fast-world.ts';
import type { TerritoryApiOptions } from '../sandbox/territory-api/index.ts';

export const LEASE_MS = 2000;

export const CRASH_SETTINGS = {
  ...FAST_SETTINGS,
  TERRITORY_TIMEOUT_MS: '1500',
  LEASE_TTL_S: String(LEASE_MS / 1000),
  TERRITORY_CONCURRENCY: '12',
  BATCH_SIZE: '6',
  BATCH_SIZE_MAX: '12',
};

export const API: TerritoryApiOptions = {
  caches: { minLagMs: 40, maxLagMs: 100 },
  latency: { baseMs: 15, jitterMs: 20 },
};

/** 5,000 changes and 20 of each blow, or as much as a quick look takes. */
export const isShort = process.env['SHORT'] === '1';
export const SEED = Number(process.env['SEED'] ?? 1);
