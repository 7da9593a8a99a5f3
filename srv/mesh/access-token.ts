/**
 * The token that a WebSocket upgrade carries. The library could fetch it, but keeps to itself how long it is good, tries a wrong secret
 * twice, and cannot be asked for the next token while a connection lives. So it is fetched here and handed over as a header.
 */
import type { Clock } from '../platform/clock.ts';
import type { OAuthClient } from './endpoint.ts';
import { createHttpSend } from './management/http.ts';
import { problem, type ConnectionProblem } from './problem.ts';

export interface AccessToken {
  /** Value of the header `Authorization`. */
  readonly authorization: string;
  /** When it was asked for, monotonic milliseconds. */
  readonly askedAtMs: number;
  /** Undefined where neither the endpoint nor the token says it. */
  readonly lifeMs: number | undefined;
}

/** No token could be had. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  readonly problem: ConnectionProblem;

  get code(): string {
    return this.problem.code;
  }

  constructor(problem: ConnectionProblem, options: ErrorOptions = {}) {
    super(problem.message, options);
    this.problem = problem;
  }
}

export interface TokenParts {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Aborting it ends the request. */
  readonly signal: AbortSignal;
  /** PEM of an authority to trust besides the well-known ones. */
  readonly ca?: string;
}

const WHAT = 'The token endpoint of the mesh';

/**
 * Asks for a token: OAuth 2.0 client credentials (RFC 6749, 4.4) with a secret or a client certificate.
 * @throws {TokenError}
 */
export async function fetchToken(oauth: OAuthClient, parts: TokenParts): Promise<AccessToken> {
  const { clock, timeoutMs, signal, ca } = parts;
  const { tokenUrl, clientId, clientSecret, certificate, key } = oauth;
  const mutual = certificate !== undefined && key !== undefined ? { certificate, key } : undefined;
  const send = createHttpSend({
    what: WHAT,
    clock: endingWith(signal, clock),
    timeoutMs,
    signal,
    ...(ca !== undefined && { ca }),
    ...mutual,
  });
  // In the form, not by HTTP Basic: there RFC 6749 wants id and secret encoded, and not every endpoint decodes them.
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId });
  if (mutual === undefined && clientSecret !== undefined) form.set('client_secret', clientSecret);
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const askedAtMs = clock.monotonicMs();
  let answer: { readonly status: number; readonly text: string };
  try {
    answer = await send({ method: 'POST', url: tokenUrl, headers, body: form.toString() });
  } catch (error) {
    const why = error instanceof Error ? error.message : `${WHAT} cannot be reached`;
    throw new TokenError(problem('MESH_TOKEN_UNAVAILABLE', why), { cause: error });
  }
  if (answer.status !== 200) throw new TokenError(refusal(answer.status));
  return { ...readToken(answer.text), askedAtMs };
}

/** `clock`, whose timers are gone as soon as `signal` aborts, not when the request has noticed. */
function endingWith(signal: AbortSignal, clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    after(delayMs, action) {
      const timer = clock.after(delayMs, action);
      signal.addEventListener('abort', () => timer.cancel(), { once: true });
      return timer;
    },
  };
}

/** The body of an answer reaches no message: it may repeat credentials. */
function refusal(status: number): ConnectionProblem {
  const said = `${WHAT} answered ${status}`;
  if (status === 400 || status === 401 || status === 403) {
    return problem(
      'MESH_TOKEN_REFUSED',
      `${said}: check client id and secret (or certificate) of the binding; were they rotated, bind again and restart`,
    );
  }
  const busy = status === 429 || status === 503;
  return problem('MESH_TOKEN_UNAVAILABLE', `${said}: try again later`, busy ? 'long' : 'usual');
}

function readToken(text: string): Pick<AccessToken, 'authorization' | 'lifeMs'> {
  const { access_token: token, expires_in: lifeS } = fields(text);
  // Nothing that would break out of a header.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/u.test(token)) {
    throw new TokenError(
      problem(
        'MESH_TOKEN_UNAVAILABLE',
        `${WHAT} gave an answer without a token: check its URL in the binding`,
      ),
    );
  }
  return { authorization: `Bearer ${token}`, lifeMs: millis(lifeS) ?? lifeOfJwt(token) };
}

/** From `iat` to `exp` (RFC 7519): a length, so that no two clocks are compared. */
function lifeOfJwt(token: string): number | undefined {
  const { iat, exp } = fields(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  return typeof iat === 'number' && typeof exp === 'number' ? millis(exp - iat) : undefined;
}

function millis(seconds: unknown): number | undefined {
  const value = typeof seconds === 'string' ? Number(seconds) : seconds;
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value * 1000 : undefined;
}

function fields(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export interface RenewalLimits {
  /** How long before its end a token is renewed, and by chance up to twice that, so that instances do not do it together. */
  readonly renewBeforeMs: number;
  readonly backoff: { readonly maxMs: number };
}

/**
 * Milliseconds from now after which the connection is to be renewed with another token: not in the first half of this one's life, and
 * never sooner than the longest back-off, so that lives too short for this make no hot loop (the peer may then end the connection first).
 * @param ageMs how long ago the token was asked for
 * @param fraction chance in [0, 1)
 */
export function renewAfterMs(lifeMs: number, ageMs: number, limits: RenewalLimits, fraction: number): number {
  const early = lifeMs - limits.renewBeforeMs * (1 + fraction);
  return Math.max(limits.backoff.maxMs, Math.max(lifeMs / 2, early) - ageMs);
}
