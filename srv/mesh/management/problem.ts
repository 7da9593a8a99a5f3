/** Why the management API did not do what it was asked for, and whether trying again can help. */
import type { HttpAnswer } from '../../platform/http-exchange.ts';
import { oneLine } from '../problem.ts';

export type ManagementProblem =
  /** Not reached, too slow, 429 or 5xx. */
  | 'MANAGEMENT_UNAVAILABLE'
  | 'MANAGEMENT_TOKEN_REFUSED'
  | 'MANAGEMENT_UNAUTHORIZED'
  | 'MANAGEMENT_FORBIDDEN'
  | 'MANAGEMENT_NOT_FOUND'
  /** The content of the request: 400, 409, 422 and the like. */
  | 'MANAGEMENT_REFUSED'
  /** A redirect, HTML, or JSON of another shape: something else answers at this address. */
  | 'MANAGEMENT_WRONG_ANSWER';

/** One line: what, why, what to do. Never a token, a secret or a request. */
export class ManagementError extends Error {
  override readonly name = 'ManagementError';
  readonly code: ManagementProblem;
  /** At least this long until the next attempt, where the API said so. */
  readonly retryAfterMs: number | undefined;
  /** What the API said of a refused content; names properties. */
  readonly said: string;

  constructor(
    code: ManagementProblem,
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number | undefined; readonly said?: string } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.said = options.said ?? '';
  }

  /** The same request may succeed later without anybody's doing. */
  get passing(): boolean {
    return this.code === 'MANAGEMENT_UNAVAILABLE';
  }
}

/**
 * What an answer that is no success means.
 * @param what for example `SAP Event Mesh's management API`
 * @param doing for example `creating queue a/b`
 */
export function refusalOf(answer: HttpAnswer, what: string, doing: string): ManagementError {
  const { status, retryAfterMs } = answer;
  const answered = `${what} answered ${status} to ${doing}`;
  if (status === 429 || status >= 500) {
    const later = retryAfterMs === undefined ? 'later' : `in ${Math.ceil(retryAfterMs / 1000)} s`;
    return new ManagementError(
      'MANAGEMENT_UNAVAILABLE',
      `${answered}: it is overloaded or down; try again ${later}`,
      { retryAfterMs },
    );
  }
  if (status < 400) return wrongAnswer(what, doing);
  switch (status) {
    case 401:
      return new ManagementError(
        'MANAGEMENT_UNAUTHORIZED',
        `${answered}: check the management credentials of the mesh binding; were they rotated, bind again`,
      );
    case 403:
      return new ManagementError(
        'MANAGEMENT_FORBIDDEN',
        `${answered}: the credentials lack the right; for Event Mesh check the rules of the service descriptor, for RabbitMQ the user's tags and permissions`,
      );
    case 404:
      return new ManagementError(
        'MANAGEMENT_NOT_FOUND',
        `${answered}: there is nothing; check the management URI of the mesh binding and the names in the settings`,
      );
    default: {
      const said = saidIn(answer);
      const why = said === '' ? 'without saying why' : said;
      return new ManagementError(
        'MANAGEMENT_REFUSED',
        `${answered}: ${why}; correct the settings or the queue`,
        {
          said,
        },
      );
    }
  }
}

/** Something else than the API answers, a login page for example. */
export function wrongAnswer(what: string, doing: string): ManagementError {
  return new ManagementError(
    'MANAGEMENT_WRONG_ANSWER',
    `${what} gave something else than an answer of the API to ${doing}: check the management URI of the mesh binding`,
  );
}

/** The sentence in an error's body, shortened: Event Mesh has `message`, RabbitMQ `reason`. */
function saidIn({ text }: HttpAnswer): string {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null) {
      const { message, reason, error } = body as Readonly<Record<string, unknown>>;
      const said = [message, reason, error].find((part) => typeof part === 'string' && part !== '');
      if (typeof said === 'string') return oneLine(said);
    }
  } catch {
    // Not JSON: the start of the text says more than nothing.
  }
  return text.startsWith('<') ? '' : oneLine(text);
}
