/** Why an inbound message cannot become a change. It ends as a dead letter, so it is written for the person who decides. */
import { cutLine } from './text.ts';

export type InvalidEventCode = 'INVALID_EVENT' | 'TOO_LARGE';

/** What to do where nothing more precise can be said. */
const CORRECT_IT =
  'Correct the event at its source and publish it under a new id, or replay this dead letter with edited assignments.';

/**
 * A refusal: the message says what is wrong, where and what would be right, never the value found there.
 * It has no `cause` on purpose: the messages of JSON.parse quote the payload.
 */
export class InvalidEvent extends Error {
  override readonly name = 'InvalidEvent';
  readonly code: InvalidEventCode;
  /** What to do, at most 200 characters. */
  readonly action: string;

  constructor(message: string, action: string = CORRECT_IT, code: InvalidEventCode = 'INVALID_EVENT') {
    super(cutLine(message));
    this.code = code;
    this.action = cutLine(action);
  }
}
