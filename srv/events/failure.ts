/** Why a change failed, in the words that subscribers and operators see. */

export const FAILURE_CODES = [
  'INVALID_EVENT',
  'UNKNOWN_ASSIGNMENT',
  'REJECTED_BY_API',
  'FORBIDDEN',
  'CONFLICT_LIMIT',
  'OVERLAP',
  'TOO_LARGE',
  /** The API fails on this one record while others succeed. */
  'API_ERROR',
  'DISCARDED',
] as const;

export type FailureCode = (typeof FAILURE_CODES)[number];

/** Whether a text from outside is one of them. */
export function isFailureCode(text: unknown): text is FailureCode {
  return FAILURE_CODES.some((code) => code === text);
}

export interface FailureReason {
  readonly code: FailureCode;
  /** What happened; without payload. Cut to 200 characters where it leaves the program. */
  readonly message: string;
  /** What to do about it; cut likewise. */
  readonly action: string;
}
