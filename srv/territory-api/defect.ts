/** A caller broke the port's rules: nothing was sent. The only thing that the adapters throw. */
import type { WriteRequest } from './port.ts';

export class TerritoryApiDefect extends Error {
  readonly code = 'TERRITORY_API_DEFECT';
  override readonly name = 'TerritoryApiDefect';
}

/**
 * Holds writes to what keeps other writers' changes safe: every update and delete carries an ETag that was read, never `*`;
 * a record appears once; every request has its idempotency key.
 * @throws TerritoryApiDefect
 */
export function assertSafe(requests: readonly WriteRequest[]): void {
  const seen = new Set<string>();
  for (const { territoryId, id, operation, ifMatch, idempotencyKey } of requests) {
    const record = JSON.stringify([territoryId, id]);
    if (seen.has(record))
      throw new TerritoryApiDefect(`a record appears twice in one write; merge its requests first`);
    seen.add(record);
    if (ifMatch?.trim() === '*')
      throw new TerritoryApiDefect(`If-Match: * would overwrite unseen changes; send the ETag read`);
    if (operation !== 'create' && !ifMatch)
      throw new TerritoryApiDefect(`${operation} without an ETag; read the record first`);
    if (idempotencyKey === '')
      throw new TerritoryApiDefect(`${operation} without an idempotency key; derive one`);
  }
}
