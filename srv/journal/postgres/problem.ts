/**
 * What an error of the driver means for the journal. PostgreSQL says it in five characters (SQLSTATE, appendix A of its manual);
 * what has none comes from the network or the driver.
 */
import pg from 'pg';
import { cutLine } from '../../events/text.ts';
import { JournalUnavailable } from '../port.ts';

export type ProblemKind =
  /** The values are to blame: the same ones will be refused again. */
  | 'data'
  /** A deadlock or a serialization failure: the same transaction succeeds when it is run again. */
  | 'collision'
  /** A person has to set something right: password, database, permission. */
  | 'settings'
  /** Connection or resources; also a former primary that only reads after a failover. */
  | 'unavailable'
  /** The program's own. */
  | 'defect';

const WRONG_PASSWORD = '28P01';

export function kindOf(error: unknown): ProblemKind {
  if (error instanceof JournalUnavailable) return 'unavailable';
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError)
    return 'defect';
  const state = sqlState(error);
  if (state === undefined) return 'unavailable';
  // Data exceptions, and a row or index entry that is too large (program limit exceeded).
  if (state.startsWith('22') || state === '54000') return 'data';
  if (state.startsWith('40')) return 'collision';
  // Integrity constraints: the statements respect them.
  if (state.startsWith('23')) return 'defect';
  if (state.startsWith('28') || state === '3D000' || state === '42501') return 'settings';
  return 'unavailable';
}

/** As one line without values; a message about data may quote them. */
export function describe(error: unknown): string {
  const state = sqlState(error);
  const said = error instanceof Error ? error.message : typeof error;
  if (state?.startsWith('22') === true) return `PostgreSQL refuses the data (${state})`;
  // In our words: what stands between may repeat what it was sent.
  if (state === WRONG_PASSWORD) return `password authentication failed (${state})`;
  return cutLine(state === undefined ? said : `${said} (${state})`);
}

/** @throws always: `JournalUnavailable`, or the error itself where it is about data or a defect */
export function raise(error: unknown, doing: string): never {
  const kind = kindOf(error);
  if (kind === 'data' || kind === 'defect' || error instanceof JournalUnavailable) throw error;
  throw new JournalUnavailable(
    `PostgreSQL cannot be used now (${doing}: ${describe(error)}); it is tried again by itself`,
    sqlState(error) === WRONG_PASSWORD ? {} : { cause: error },
  );
}

function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}
