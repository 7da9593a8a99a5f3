/**
 * The recipe that is published against such conflicts: one worker, one assignment at a time, its ETag read each time, and after a
 * conflict 2, 4, 8, 16 and 32 s of waiting. Kept to the letter as something to compare with. It shares no code with the service.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export interface SerialChange {
  readonly id: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const RETRY_DELAYS_MS = [2000, 4000, 8000, 16_000, 32_000] as const;

/**
 * Applies the changes in their order; answers how many of them it gave up.
 * @param collection URL of the collection of assignments; protocol `rest`
 */
export async function applySerially(
  collection: string,
  changes: readonly SerialChange[],
): Promise<{ readonly failed: number }> {
  let failed = 0;
  for (const change of changes) if (!(await applyOne(collection, change))) failed += 1;
  return { failed };
}

async function applyOne(collection: string, change: SerialChange): Promise<boolean> {
  if (await attempt(collection, change)) return true;
  for (const delayMs of RETRY_DELAYS_MS) {
    await sleep(delayMs);
    if (await attempt(collection, change)) return true;
  }
  return false;
}

/** True when it was written. */
async function attempt(collection: string, { id, fields }: SerialChange): Promise<boolean> {
  const found = await fetch(`${collection}?ids=${encodeURIComponent(id)}&fields=id,etag`);
  const { value } = (await found.json()) as { readonly value: readonly { readonly etag: string }[] };
  const assignment = { id, operation: 'update', ifMatch: value[0]?.etag, fields };
  const response = await fetch(collection, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ assignments: [assignment] }),
  });
  const { results } = (await response.json()) as { readonly results: readonly { readonly status: number }[] };
  return results[0] !== undefined && results[0].status < 300;
}
