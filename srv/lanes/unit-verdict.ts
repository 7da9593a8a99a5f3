/**
 * One verdict over the requests of a transaction. Pure. All of them were written or none: so one record at most is told why not, and
 * spends attempts for all.
 */
import type { RecordAnswer } from '../territory-api/port.ts';

type Refused = Extract<RecordAnswer, { kind: 'refused' }>;
type RolledBack = Extract<RecordAnswer, { kind: 'rolled-back' }>;

/**
 * What is known of one record. `whole`: alone in a request, or with its transaction, it made the API refuse that request, which says
 * nothing of an earlier send of the same.
 */
export type BulkRecord =
  | Exclude<RecordAnswer, Refused | RolledBack>
  | (Refused & { readonly whole?: true })
  | (RolledBack & { readonly whole?: true })
  /** It may or may not have been written, with its transaction, of which another record tells more. */
  | { readonly kind: 'open' };

/** In the order of the answers; a record alone keeps its own. */
export function oneVerdict(answers: readonly RecordAnswer[]): readonly BulkRecord[] {
  const [only] = answers;
  if (only && answers.length === 1) return [only.kind === 'rolled-back' ? { kind: 'missing' } : only];
  if (answers.every(({ kind }) => kind === 'done')) return answers;
  const culprit = answers.findIndex(({ kind }) => kind === 'refused' || kind === 'defect');
  if (culprit !== -1 || answers.some(({ kind }) => kind === 'conflict')) {
    // Each conflict is its record's own: all of them are read anew. Of refusals the first one is enough.
    return answers.map((answer, index) =>
      answer.kind === 'conflict' || index === culprit ? answer : { kind: 'rolled-back' },
    );
  }
  const told = ['failed', 'running', 'missing'] as const;
  const teller = told
    .map((kind) => answers.findIndex((answer) => answer.kind === kind))
    .find((at) => at !== -1);
  return answers.map((answer, index) => {
    if (teller === undefined) return index === 0 ? { kind: 'missing' } : { kind: 'open' };
    return index === teller ? answer : { kind: 'open' };
  });
}
