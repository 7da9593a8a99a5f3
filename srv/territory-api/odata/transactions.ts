/**
 * Requests of one transaction succeed or fail together, whatever is said of each: servers report 200 with a new ETag for members
 * that were rolled back (SAP CAP does, and the standard allows it).
 */
import { unitsOf, type RecordAnswer, type WriteRequest } from '../port.ts';
import type { BatchItem } from './version.ts';

/** The places of items that travel as one transaction. */
export function itemUnits(items: readonly BatchItem[]): readonly (readonly number[])[] {
  return unitsOf(items.map(({ request }) => request));
}

/** Of a transaction of which one record cannot be sent, none is. */
export function wholeOnly(
  requests: readonly WriteRequest[],
  made: readonly (BatchItem | RecordAnswer)[],
): readonly (BatchItem | RecordAnswer)[] {
  const whole = [...made];
  for (const unit of unitsOf(requests)) {
    if (!unit.some((index) => isAnswer(made[index]))) continue;
    for (const index of unit) if (!isAnswer(made[index])) whole[index] = { kind: 'rolled-back' };
  }
  return whole;
}

function isAnswer(made: BatchItem | RecordAnswer | undefined): boolean {
  return made !== undefined && 'kind' in made;
}

/**
 * Holds each transaction's members to one verdict. Where one is refused none was written; where one's fate is open and none is
 * refused, that of all is open: a changeset that failed with 5xx may have been written all the same.
 */
export function judgeTransactions(
  items: readonly BatchItem[],
  single: readonly RecordAnswer[],
): readonly RecordAnswer[] {
  const records = [...single];
  for (const unit of itemUnits(items)) {
    if (items[unit[0] ?? 0]?.request.transaction === undefined) continue;
    const answers = unit.map((index) => single[index] ?? { kind: 'missing' as const });
    const refused = answers.some(isRefusal);
    const done = answers.every(({ kind }) => kind === 'done');
    for (const [place, index] of unit.entries()) {
      const answer = answers[place] ?? { kind: 'missing' };
      if (refused) records[index] = isRefusal(answer) ? answer : { kind: 'rolled-back' };
      else if (!done && (answer.kind === 'done' || answer.kind === 'rolled-back'))
        records[index] = { kind: 'missing' };
    }
  }
  return records;
}

function isRefusal({ kind }: RecordAnswer): boolean {
  switch (kind) {
    case 'conflict':
    case 'refused':
    case 'defect':
      return true;
    case 'rolled-back':
    case 'done':
    case 'running':
    case 'failed':
    case 'missing':
      return false;
  }
}
