/**
 * As much of PostgreSQL's protocol as shows the journal's commits: each prepared statement is bound by the name that its file gives it, and a
 * server that has committed says that it is ready for the next. https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
import type { Sighting, Step } from '../points.ts';
import type { Dialogue } from '../relay.ts';
import { splitter } from './messages.ts';

/** What a transaction is for, by a statement that only such a one runs. */
const IN_TRANSACTION: ReadonlyMap<string, Step> = new Map([
  ['append/insert-changes', 'append'],
  ['complete/lock-lanes', 'complete'],
]);
/** Transactions of their own. */
const ALONE: ReadonlyMap<string, Step> = new Map([
  ['store-intents/store-intents', 'intents'],
  ['outbox/sent', 'forget'],
]);

const TYPE_AND_LENGTH = 5;

export function postgresDialogue(): Dialogue {
  /** What the open transaction is for, as far as it has shown. */
  let purpose: Step | undefined;
  /** Asked to commit, not answered. */
  let committing: Step | undefined;

  const commits = (step: Step): readonly Sighting[] => {
    committing = step;
    return [{ point: `before ${step}`, message: 'held' }];
  };
  const untyped = { isFirst: true };
  return {
    splitAsked: splitter((bytes) => {
      // The greeting alone has no type.
      const at = untyped.isFirst ? 0 : 1;
      if (bytes.length < at + 4) return undefined;
      const size = at + bytes.readUInt32BE(at);
      if (bytes.length >= size) untyped.isFirst = false;
      return size;
    }),
    splitAnswered: splitter((bytes) =>
      bytes.length < TYPE_AND_LENGTH ? undefined : 1 + bytes.readUInt32BE(1),
    ),
    asked(message) {
      switch (kindOf(message)) {
        case 'Q': {
          const sql = textAt(message, TYPE_AND_LENGTH);
          if (sql === 'begin') purpose = undefined;
          return sql === 'commit' && purpose !== undefined ? commits(purpose) : [];
        }
        case 'B': {
          const portal = textAt(message, TYPE_AND_LENGTH);
          const statement = textAt(message, TYPE_AND_LENGTH + portal.length + 1);
          purpose = IN_TRANSACTION.get(statement) ?? purpose;
          const alone = ALONE.get(statement);
          return alone === undefined ? [] : commits(alone);
        }
        default:
          return [];
      }
    },
    answered(message) {
      const kind = kindOf(message);
      // Refused: nothing was committed.
      if (kind === 'E') committing = undefined;
      if (kind !== 'Z' || committing === undefined) return [];
      const step = committing;
      committing = undefined;
      return [{ point: `after ${step}`, message: 'held' }];
    },
  };
}

function kindOf(message: Buffer): string {
  return String.fromCharCode(message[0] ?? 0);
}

function textAt(message: Buffer, from: number): string {
  return message.toString('utf8', from, message.indexOf(0, from));
}
