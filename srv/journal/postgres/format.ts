/**
 * The number of the form in which changes and memories are written. An older program leaves lanes alone in which there is
 * anything of a newer form; this one reads all forms up to its own. So that a deployment of two versions, and the way back to the one
 * before, leave it as much as possible, a lane has the lowest number that whoever takes it on has to know.
 */
import type { LaneMemory } from '../port.ts';

/** The newest one that is understood. */
export const FORMAT = 2;

/** Of a change as it is appended. */
export const CHANGE_FORMAT = 1;

/**
 * Of what a lane remembers. 2: of a merged write that is told apart, a part may be in doubt, which must not simply be repeated: refused, it
 * says that the whole may have landed, and then its older values must not come again; or a request that was given up may land after a
 * newer one, so that no read shows what will stay. Form 1 knows neither. All else that it does not know costs it a look more.
 */
export function formatOf({ records }: LaneMemory): number {
  const isNew = [...records.values()].some(
    ({ toldApart, givenUpUntil }) => toldApart !== undefined || givenUpUntil !== undefined,
  );
  return isNew ? 2 : 1;
}
