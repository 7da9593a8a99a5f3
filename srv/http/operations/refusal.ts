/** What a request is refused with: thrown wherever that shows, and answered as problem details by the routes' error handler. */
import { STATUS_CODES } from 'node:http';

import type { Problem } from '../problem.ts';
import { badRequest } from '../problem.ts';

/** A problem, and what a program may want to know besides. */
export type RefusalBody = Problem & Readonly<Record<string, unknown>>;

export interface RefusalReason {
  readonly status: number;
  readonly code: string;
  /** What and why, one line. */
  readonly detail: string;
  readonly action: string;
}

export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: string;
  readonly body: RefusalBody;

  constructor(body: RefusalBody) {
    super(body.detail);
    this.code = body.code;
    this.body = body;
  }
}

/** A refusal of its own type; `more` are further members of the problem. */
export function refusal(
  { status, code, detail, action }: RefusalReason,
  more: Readonly<Record<string, unknown>> = {},
): Refusal {
  const type = `https://errors/territory-sync/${code}`;
  return new Refusal({ ...more, type, title: STATUS_CODES[status] ?? 'Error', status, detail, code, action });
}

/** The request cannot be understood; `detail` names the member that is wrong and what is allowed. */
export function wrongRequest(detail: string): Refusal {
  return new Refusal({ ...badRequest(400, detail) });
}
