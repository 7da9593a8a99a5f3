/** Tokens of the management API: client credentials with a secret or a certificate, kept until shortly before their end. */
import type { OAuthClient } from '../endpoint.ts';
import { createHttpSend } from './http.ts';
import type { ManagementParts } from './patience.ts';
import { ManagementError, refusalOf, wrongAnswer } from './problem.ts';

export interface TokenSource {
  /** A token that is good for a while; several callers share one request. @throws {ManagementError} */
  get(): Promise<string>;
  /** The API refused it: the next `get` asks for another. */
  drop(token: string): void;
}

/** A token is not used in its last minute, a short-lived one not in its second half. */
const MARGIN_MS = 60_000;
/** Where the endpoint does not say; XSUAA's default is twelve hours. */
const UNSAID_LIFE_S = 300;
const WHAT = 'The token endpoint of the mesh management';

export function createTokenSource(
  oauth: OAuthClient,
  parts: ManagementParts & { readonly ca?: string },
): TokenSource {
  const { clock, limits, signal, ca } = parts;
  const { tokenUrl, clientId, clientSecret, certificate, key } = oauth;
  const send = createHttpSend({
    what: WHAT,
    clock,
    timeoutMs: limits.timeoutMs,
    ...(signal && { signal }),
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && key !== undefined && { certificate, key }),
  });
  // In the form, not by HTTP Basic: there RFC 6749 wants id and secret encoded, and not every endpoint decodes them.
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId });
  if (certificate === undefined && clientSecret !== undefined) form.set('client_secret', clientSecret);
  const body = form.toString();

  let kept: { readonly token: string; readonly untilMs: number } | undefined;
  let asking: Promise<string> | undefined;

  async function ask(): Promise<string> {
    try {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const answer = await send({ method: 'POST', url: tokenUrl, headers, body });
      const { token, lifeS } = readToken(answer);
      const lifeMs = lifeS * 1000;
      kept = { token, untilMs: clock.monotonicMs() + Math.max(lifeMs - MARGIN_MS, lifeMs / 2) };
      return token;
    } finally {
      asking = undefined;
    }
  }

  return {
    get() {
      if (kept !== undefined && clock.monotonicMs() < kept.untilMs) return Promise.resolve(kept.token);
      asking ??= ask();
      return asking;
    },
    drop(token) {
      if (kept?.token === token) kept = undefined;
    },
  };
}

/** The answer's body never reaches a message: it may repeat credentials. */
function readToken(answer: {
  readonly status: number;
  readonly text: string;
  readonly retryAfterMs: number | undefined;
}) {
  const { status, text } = answer;
  if (status === 400 || status === 401 || status === 403) {
    throw new ManagementError(
      'MANAGEMENT_TOKEN_REFUSED',
      `${WHAT} answered ${status}: check client id and secret (or certificate) of the binding's management entry; were they rotated, bind again`,
    );
  }
  if (status !== 200)
    throw refusalOf({ ...answer, contentType: '', text: '' }, WHAT, 'the request for a token');
  try {
    const body = JSON.parse(text) as { access_token?: unknown; expires_in?: unknown } | null;
    const { access_token: token, expires_in: lifeS } = body ?? {};
    // Nothing that would break out of a header.
    if (typeof token === 'string' && /^[\x21-\x7e]+$/u.test(token)) {
      return { token, lifeS: typeof lifeS === 'number' && lifeS > 0 ? lifeS : UNSAID_LIFE_S };
    }
  } catch {
    // Falls through to the error that says it.
  }
  throw wrongAnswer(WHAT, 'the request for a token');
}
