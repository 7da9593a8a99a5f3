/**
 * A flight has one correlation id: that of its changes where they share one (a change's own, else its event's id), else one made for
 * it, which the log gives together with the ids of the changes, at level debug: at full load it would be most of the log. Requests to
 * the API carry it, and so do all lines of the flight.
 */
import type { TerritoryChange } from '../events/change.ts';
import type { ClaimedLane } from '../journal/port.ts';
import { correlated, isCorrelationId } from '../platform/correlation.ts';
import { nameUuid } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';

/** Characters of ids in a line: below what a field of the log may hold, so that none is cut. */
const LINE_CHARACTERS = 1500;

/** The same flying, under the flight's correlation id. */
export function correlatedFlights<Result, Rest extends readonly unknown[]>(
  fly: (lanes: readonly ClaimedLane[], ...rest: Rest) => Promise<Result>,
  log: Pick<Log, 'debug'>,
): (lanes: readonly ClaimedLane[], ...rest: Rest) => Promise<Result> {
  return (lanes, ...rest) => {
    const changes = lanes.flatMap((lane) => lane.changes.map(({ change }) => change));
    const shared = sharedId(changes);
    return correlated(shared ?? idOf(lanes), () => {
      if (shared === undefined) tellOf(changes, log);
      return fly(lanes, ...rest);
    });
  };
}

function sharedId(changes: readonly TerritoryChange[]): string | undefined {
  const ids = new Set(changes.map(({ correlationId, id }) => correlationId ?? id));
  const [only] = ids;
  return ids.size === 1 && isCorrelationId(only) ? only : undefined;
}

/** A fence is never given twice, so no two flights have the same one of their first lane. */
function idOf([first]: readonly ClaimedLane[]): string {
  return nameUuid(JSON.stringify([first?.territoryId, first?.fence]));
}

function tellOf(changes: readonly TerritoryChange[], log: Pick<Log, 'debug'>): void {
  let line: string[] = [];
  let characters = 0;
  const tell = () => log.debug('Changes fly together', { changes: line.join(' '), count: line.length });
  for (const { id } of changes) {
    if (line.length > 0 && characters + id.length >= LINE_CHARACTERS) {
      tell();
      line = [];
      characters = 0;
    }
    line.push(id);
    characters += id.length + 1;
  }
  if (line.length > 0) tell();
}
