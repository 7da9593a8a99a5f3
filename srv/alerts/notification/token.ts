/** The token of SAP Alert Notification: OAuth 2.0 client credentials (RFC 6749, 4.4), kept until shortly before its end. */
import { exchange, type HttpParts } from '../../platform/http-exchange.ts';
import type { AlertLogin } from '../endpoint.ts';

export type OAuthLogin = Extract<AlertLogin, { readonly kind: 'oauth-secret' | 'oauth-certificate' }>;

/** No token could be had; one line that quotes no answer, since an answer may repeat credentials. */
export class AlertTokenError extends Error {
  override readonly name = 'AlertTokenError';
  readonly code = 'ALERT_TOKEN';
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** A token is not used in the last tenth of its life, nor in its last minute; of a short one half is used. */
const RESERVE_SHARE = 0.1;
const RESERVE_MS = 60_000;
/** Where the answer does not say how long it is good. */
const UNKNOWN_LIFE_MS = 300_000;

export class AlertToken {
  private readonly login: OAuthLogin;
  private readonly parts: HttpParts;
  private held: { readonly header: string; readonly untilMs: number } | undefined;

  constructor(login: OAuthLogin, parts: HttpParts) {
    this.login = login;
    this.parts =
      login.kind === 'oauth-certificate'
        ? { ...parts, certificate: login.certificate, key: login.key }
        : parts;
  }

  /**
   * Value of the header `Authorization`.
   * @throws AlertTokenError, HttpExchangeError
   */
  async header(signal: AbortSignal): Promise<string> {
    const askedAtMs = this.parts.clock.monotonicMs();
    if (this.held && askedAtMs < this.held.untilMs) return this.held.header;
    const { token, lifeMs } = await this.ask(signal);
    const reserveMs = Math.min(lifeMs / 2, Math.max(RESERVE_MS, lifeMs * RESERVE_SHARE));
    this.held = { header: `Bearer ${token}`, untilMs: askedAtMs + lifeMs - reserveMs };
    return this.held.header;
  }

  /** It was refused: another one is asked for next time. */
  forget(): void {
    this.held = undefined;
  }

  private async ask(signal: AbortSignal): Promise<{ readonly token: string; readonly lifeMs: number }> {
    const { login } = this;
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: login.clientId });
    if (login.kind === 'oauth-secret') form.set('client_secret', login.clientSecret);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await exchange(
      { method: 'POST', url: login.tokenUrl, headers, body: form.toString() },
      { ...this.parts, signal },
    );
    if (answer.status !== 200) {
      const why = `the token endpoint answered ${answer.status}: check the binding, or bind again`;
      throw new AlertTokenError(why, answer.retryAfterMs);
    }
    return readToken(answer.text);
  }
}

function readToken(text: string): { readonly token: string; readonly lifeMs: number } {
  const { access_token: token, expires_in: lifeS } = fieldsOf(text);
  // Nothing that would break out of a header.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/u.test(token)) {
    throw new AlertTokenError(
      'the token endpoint gave an answer without a token: check its URL in the binding',
    );
  }
  const seconds = Number(lifeS);
  return { token, lifeMs: seconds > 0 && Number.isFinite(seconds) ? seconds * 1000 : UNKNOWN_LIFE_MS };
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
