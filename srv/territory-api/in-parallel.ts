/**
 * Runs `run` for every item, at most `limit` at a time, and gives the results in the items' order.
 * The first rejection is passed on; runs that have begun are awaited before, so that nothing goes on unowned.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  run: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await run(items[index] as T);
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, worker));
  for (const worker of ended) if (worker.status === 'rejected') throw worker.reason;
  return results;
}
