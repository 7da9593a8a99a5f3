/** `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a structured-field string, so it is sent in quotes. */
import { nameUuid } from '../platform/ids.ts';

/** The header's value for one key. A key is a UUID, so nothing in it needs escaping. */
export function idempotencyHeader(key: string): string {
  return `"${key}"`;
}

/** The key of a bulk request: the same for the same records, in whatever order they travel. */
export function bulkKey(recordKeys: readonly string[]): string {
  return nameUuid([...recordKeys].sort().join(','));
}
