/** At most so many at a time: who comes when no place is free waits for one, in order. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** @param places how many work at a time, at least 1 */
export function takingTurns(places: number): InTurn {
  let free = places;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
