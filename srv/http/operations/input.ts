/**
 * What a request may say, member by member. Strict: a member that is not known is refused by name, since a misspelt
 * filter or `overwrite` that is passed over would do something else than was asked.
 */
import { z } from 'zod';

import type { AssignmentChange } from '../../events/change.ts';
import { FAILURE_CODES } from '../../events/failure.ts';
import { readContent } from '../../events/assignments.ts';
import { InvalidEvent } from '../../events/invalid-event.ts';
import { LIMITS } from '../../events/limits.ts';
import { cutLine, isSound } from '../../events/text.ts';
import type { LaneState } from '../../journal/port.ts';
import { wrongRequest } from './refusal.ts';

const PAGE_LIMIT = 200;
const DEFAULT_PAGE = 50;
const CURSOR_LENGTH = 2000;
/** A note says why, for the record: a paragraph, not a document. */
const NOTE_LENGTH = 1000;

const STATES = {
  ready: true,
  'in-flight': true,
  retrying: true,
  resting: true,
  locked: true,
  held: true,
  paused: true,
} as const satisfies Record<LaneState, true>;

const PAUSABLE = { intake: ['intake'], flights: ['flights'], all: ['intake', 'flights'] } as const;

const text = (maxLength: number) =>
  z
    .string({ error: `must be a string of 1 to ${maxLength} characters` })
    .min(1, { error: 'must not be empty', abort: true })
    .max(maxLength, { error: `must have at most ${maxLength} characters`, abort: true })
    .refine(isSound, { error: 'must not hold a NUL character or a lone surrogate' });

const oneOf = <Name extends string>(names: readonly Name[]) =>
  z.enum(names, { error: `must be one of ${names.join(', ')}` });

const keysOf = <Name extends string>(names: Readonly<Record<Name, unknown>>) => Object.keys(names) as Name[];

const members = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : 'must be an object'),
  });

const WHOLE_NUMBER = `must be a whole number from 1 to ${PAGE_LIMIT}`;

const page = {
  cursor: text(CURSOR_LENGTH).optional(),
  limit: z
    .string({ error: WHOLE_NUMBER })
    .regex(/^\d{1,3}$/, { error: WHOLE_NUMBER, abort: true })
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= PAGE_LIMIT, { error: WHOLE_NUMBER })
    .default(DEFAULT_PAGE),
};

const TERRITORY = text(LIMITS.territoryIdLength);
const NOTE = text(NOTE_LENGTH);

/** Query of `GET territories`. */
export const TERRITORIES_QUERY = members({ ...page, state: oneOf(keysOf(STATES)).optional() });
/** Query of `GET dead-letters`. */
export const DEAD_LETTERS_QUERY = members({
  ...page,
  reason: oneOf(FAILURE_CODES).optional(),
  territory: TERRITORY.optional(),
});
/** Query of `GET changes/{id}`. */
export const CHANGE_QUERY = members({ source: text(LIMITS.sourceLength).optional() });
/** Where there is nothing to say. */
export const NOTHING = members({});
/** A territory's id in a path. */
export const TERRITORY_PATH = z.object({ id: TERRITORY });

/** Body of `POST dead-letters/{id}/replay`. */
export const REPLAY_BODY = members({
  note: NOTE.default(''),
  overwrite: z.boolean({ error: 'must be true or false' }).default(false),
  assignments: z.unknown().transform(readAssignments).optional(),
});
/** Body of `POST dead-letters/{id}/discard`. */
export const DISCARD_BODY = members({ note: NOTE });
/** Body of `POST dead-letters/replay`. */
export const REPLAY_MATCHING_BODY = members({
  filter: members({
    reason: oneOf(FAILURE_CODES).optional(),
    territory: TERRITORY.optional(),
    failedBefore: z.iso
      .datetime({ offset: true, error: 'must be a time such as 2026-11-22T10:00:00Z' })
      .transform((time) => Date.parse(time))
      .optional(),
  }),
  note: NOTE.default(''),
});
/** Body of `POST processing/pause` and `…/resume`; becomes the list of what is meant. */
export const PROCESSING_BODY = members({ what: oneOf(keysOf(PAUSABLE)).transform((what) => PAUSABLE[what]) });

/**
 * The input, checked.
 * @param place `query`, `body` or `path`: names the whole where no member is to blame
 * @throws Refusal that names the first member that is wrong, and what is allowed; never the value
 */
export function check<T>(schema: z.ZodType<T>, input: unknown, place: string): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    const unknown = [...issue.path, issue.keys[0]].join('.');
    throw wrongRequest(`${cutLine(unknown, 80)} is not a member of the ${place}.`);
  }
  const member = issue?.path.join('.') || `The ${place}`;
  throw wrongRequest(`${member} ${issue?.message ?? 'is not valid'}.`);
}

/** Edited assignments are held to the rules of those in an event. */
function readAssignments(input: unknown): readonly AssignmentChange[] | undefined {
  if (input === undefined) return undefined;
  try {
    // The rules stand with the event; what an event needs besides them is made up.
    return readContent({ territoryId: 'any', assignments: input }, undefined).assignments;
  } catch (error) {
    if (!(error instanceof InvalidEvent)) throw error;
    throw wrongRequest(error.message);
  }
}
