/**
 * Requests of one transaction succeed or fail together, whatever is said of each: servers report 200 with a new ETag for members
 * that were rolled back (SAP CAP does, and the standard allows it).
 */
import type { RecordAnswer } from '../port.ts';
import type { BatchItem } from './version.ts';

/** Neighbours of one transaction together, all others alone; the numbers are the items' places. */
export function unitsOf(items: readonly BatchItem[]): readonly (readonly number[])[] {
  const units: number[][] = [];
  for (const [index, { request }] of items.entries()) {
    const last = units.at(-1);
    const before = last?.[0] === undefined ? undefined : items[last[0]]?.request;
    const joins = request.transaction !== undefined && before?.transaction === request.transaction;
    if (last !== undefined && joins && before.territoryId === request.territoryId) last.push(index);
    else units.push([index]);
  }
  return units;
}

/**
 * Holds each transaction's members to one verdict. Where one is refused none was written; where one's fate is open and none is
 * refused, that of all is open.
 */
export function judgeTransactions(
  items: readonly BatchItem[],
  single: readonly RecordAnswer[],
): readonly RecordAnswer[] {
  const records = [...single];
  for (const unit of unitsOf(items)) {
    if (items[unit[0] ?? 0]?.request.transaction === undefined) continue;
    const answers = unit.map((index) => single[index] ?? { kind: 'missing' as const });
    const refused = answers.some(isRefusal);
    const done = answers.every(({ kind }) => kind === 'done');
    for (const [place, index] of unit.entries()) {
      const answer = answers[place] ?? { kind: 'missing' };
      if (refused) records[index] = isRefusal(answer) ? answer : { kind: 'rolled-back' };
      else if (!done && answer.kind === 'done') records[index] = { kind: 'missing' };
    }
  }
  return records;
}

function isRefusal({ kind }: RecordAnswer): boolean {
  switch (kind) {
    case 'conflict':
    case 'refused':
    case 'defect':
    case 'rolled-back':
      return true;
    case 'done':
    case 'running':
    case 'failed':
    case 'missing':
      return false;
  }
}
