/** Calls of a JSON API with credentials: new credentials once after a 401, passing trouble repeated, everything else judged. */
import { createHttpSend } from './http.ts';
import type { HttpAnswer, HttpCall } from '../../platform/http-exchange.ts';
import { repeatedly, untilReady, type ManagementParts } from './patience.ts';
import { ManagementError, refusalOf, wrongAnswer } from './problem.ts';

export interface ApiRequest {
  /** For messages, for example `creating queue a/b`. */
  readonly doing: string;
  readonly method: HttpCall['method'];
  /** Below the base, encoded, beginning with `/`. */
  readonly path: string;
  /** PUT and POST send `{}` where there is none: Integration Suite refuses an empty body. */
  readonly body?: object;
}

export interface JsonApi {
  /** The answer's body, of a GET only. @throws {ManagementError} */
  call(request: ApiRequest): Promise<unknown>;
  /** As `call`, but undefined where the API answers 404. */
  find(request: ApiRequest): Promise<{ readonly body: unknown } | undefined>;
  /** Repeats `find` for as long as readiness may take. */
  untilReady(request: ApiRequest): Promise<void>;
}

export interface Credentials {
  /** Value of the header `Authorization`. */
  get(): Promise<string>;
  /** They were refused. Tells whether others may be had. */
  refused(header: string): 'may-differ-now' | 'are-the-same';
}

export interface JsonApiParts extends ManagementParts {
  /** Who is called, for messages. */
  readonly what: string;
  readonly base: string;
  readonly credentials: Credentials;
  readonly ca?: string;
}

export function createJsonApi(parts: JsonApiParts): JsonApi {
  const { what, base, credentials, clock, limits, signal, ca } = parts;
  const send = createHttpSend({
    what,
    clock,
    timeoutMs: limits.timeoutMs,
    ...(signal && { signal }),
    ...(ca !== undefined && { ca }),
  });

  async function once({ method, path, body }: ApiRequest): Promise<HttpAnswer> {
    const url = base + path;
    const content = method === 'PUT' || method === 'POST' ? JSON.stringify(body ?? {}) : undefined;
    const type: Record<string, string> = content === undefined ? {} : { 'content-type': 'application/json' };
    const sendWith = (authorization: string) =>
      send({
        method,
        url,
        headers: { ...type, authorization },
        ...(content !== undefined && { body: content }),
      });
    const header = await credentials.get();
    const answer = await sendWith(header);
    if (answer.status !== 401 || credentials.refused(header) === 'are-the-same') return answer;
    return sendWith(await credentials.get());
  }

  async function judged(request: ApiRequest): Promise<unknown> {
    const answer = await once(request);
    const { status, text, contentType } = answer;
    if (status < 200 || status > 299) throw refusalOf(answer, what, request.doing);
    if (/\bhtml\b/i.test(contentType)) throw wrongAnswer(what, request.doing);
    return request.method === 'GET' ? parsed(text, what, request.doing) : undefined;
  }

  async function found(request: ApiRequest): Promise<{ readonly body: unknown } | undefined> {
    try {
      return { body: await judged(request) };
    } catch (error) {
      if (error instanceof ManagementError && error.code === 'MANAGEMENT_NOT_FOUND') return undefined;
      throw error;
    }
  }

  return {
    call: (request) => repeatedly(() => judged(request), parts),
    find: (request) => repeatedly(() => found(request), parts),
    untilReady: (request) => untilReady(async () => void (await found(request)), parts),
  };
}

function parsed(text: string, what: string, doing: string): unknown {
  // A readiness check may answer with an empty body.
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw wrongAnswer(what, doing);
  }
}
