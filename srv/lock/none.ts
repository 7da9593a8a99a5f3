/** Without a lock store nothing is locked: whoever else writes to a territory is met at the API, as a conflict. */
import type { LaneClaim } from '../journal/port.ts';
import type { TerritoryLocks } from './port.ts';

const allOf = async (claims: readonly LaneClaim[]): Promise<ReadonlySet<string>> =>
  new Set(claims.map(({ territoryId }) => territoryId));

export const noLocks: TerritoryLocks = {
  take: allOf,
  renew: allOf,
  release: async () => undefined,
  check: () => undefined,
  onAvailable: () => () => undefined,
};
