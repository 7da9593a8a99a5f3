/**
 * `erase --person ID`: takes a person out of the PostgreSQL journal, with the service running or not. What the mesh holds is out of its
 * reach, since AMQP can neither look into a queue nor change a message; the report says so.
 */
import { userInfo } from 'node:os';
import { readConfiguration } from '../config/configuration.ts';
import { readEnvironment } from '../config/environment.ts';
import { isComplete, type ErasureReport } from '../journal/erasure.ts';
import { erasePersonIn } from '../journal/postgres/index.ts';
import { planQueues } from '../mesh/management/index.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { systemRandom as random } from '../platform/random.ts';
import { silentLog as log } from './silent-log.ts';
import {
  CommandFailure,
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_WRONG_USE,
  type ExitCode,
  type Terminal,
} from './terminal.ts';

const DAY_S = 86_400;
/** As long as a value of a field can sensibly be. */
const PERSON_LENGTH = 256;

export interface EraseOptions {
  readonly person: string;
  readonly manner: 'erase' | 'count';
  readonly format: 'text' | 'json';
}

/** Exit code 1 where something of the person is left in the journal. */
export async function erase({ person, manner, format }: EraseOptions, terminal: Terminal): Promise<ExitCode> {
  if (person.trim() === '' || person.length > PERSON_LENGTH) {
    throw new CommandFailure(
      `--person must be 1 to ${PERSON_LENGTH} characters: give the id as the events write it`,
      EXIT_WRONG_USE,
    );
  }
  const { settings, bindings } = readConfiguration(readEnvironment());
  const { deadLetters } = planQueues(settings);
  const copies = { queue: deadLetters.name, endAfterDays: deadLetters.ttlS / DAY_S };
  if (!bindings.postgres) {
    throw new CommandFailure(
      `No PostgreSQL is bound, so there is no journal to erase from: discard the person's dead letters; ` +
        `whatever else is on ${copies.queue} ends after ${copies.endAfterDays} days`,
    );
  }
  const order = { person, by: userInfo().username, manner };
  const report = await erasePersonIn({ binding: bindings.postgres, clock, random, log }, order);
  const complete = isComplete(report);
  if (format === 'json') {
    terminal.out(
      JSON.stringify(
        { ok: complete, dryRun: manner === 'count', ...report, meshCopies: copies },
        undefined,
        2,
      ),
    );
  } else {
    for (const line of linesOf(report, manner)) terminal.out(line);
    for (const line of leftLines(report)) terminal.err(`territory-sync: ${line}`);
    terminal.err(
      `territory-sync: copies of dead letters on the queue ${copies.queue} are not reached; each ends ${copies.endAfterDays} days after it was sent`,
    );
  }
  return complete ? EXIT_DONE : EXIT_FAILED;
}

function linesOf({ erased, reference }: ErasureReport, manner: EraseOptions['manner']): readonly string[] {
  const { changes, deadLetters, unreadable, messages } = erased;
  const did = manner === 'erase' ? 'Erased from' : 'Would be erased from';
  return [
    `${did} ${changes} ended changes, ${deadLetters} dead letters, ${unreadable} unreadable messages, ${messages} unsent messages.`,
    ...(reference === undefined ? [] : [`Recorded as ${reference}.`]),
  ];
}

function leftLines({ pending, territoriesInDoubt, messagesUnderWay }: ErasureReport): readonly string[] {
  return [
    ...pending.first.map(
      ({ ref, territoryId, position }) =>
        `not erased: change ${ref.id} of ${ref.source} is pending in ${territoryId} at position ${position}`,
    ),
    ...(pending.count > pending.first.length
      ? [`not erased: ${pending.count - pending.first.length} further pending changes`]
      : []),
    ...territoriesInDoubt.map((id) => `not erased: a request in doubt in ${id} has to be repeated as it is`),
    ...(messagesUnderWay > 0
      ? [`not erased: ${messagesUnderWay} messages are being sent at this moment`]
      : []),
    ...(pending.count + territoriesInDoubt.length + messagesUnderWay > 0
      ? ['run the command again when these have ended']
      : []),
  ];
}
