/**
 * Alerts to SAP Alert Notification's producer API. Own lines rather than its client library, whose documented retries never
 * happen (measured on 1.13.0). Waiting and repeating is the teller's part; here one call is one attempt, but for a new token.
 */
import type { Clock } from '../../platform/clock.ts';
import {
  exchange,
  HttpExchangeError,
  type HttpAnswer,
  type HttpParts,
} from '../../platform/http-exchange.ts';
import type { AlertEndpoint } from '../endpoint.ts';
import type { AlertChannel, AlertNotice, NoticeResult } from '../port.ts';
import { producerEvent, type AlertResource } from './event.ts';
import { AlertToken, AlertTokenError } from './token.ts';

const PATH = '/cf/producer/v1/resource-events';
const TIMEOUT_MS = 10_000;
/** The content of this event is refused; another one may be taken. */
const CONTENT_REFUSED: readonly number[] = [400, 413, 422];

export interface NotificationChannelOptions {
  readonly endpoint: AlertEndpoint;
  readonly resource: AlertResource;
  readonly clock: Clock;
}

export function notificationChannel({ endpoint, resource, clock }: NotificationChannelOptions): AlertChannel {
  const { login, ca } = endpoint;
  const common: HttpParts = { clock, timeoutMs: TIMEOUT_MS, ...(ca !== undefined && { ca }) };
  const isOAuth = login.kind === 'oauth-secret' || login.kind === 'oauth-certificate';
  const token = isOAuth ? new AlertToken(login, common) : undefined;
  const parts: HttpParts =
    login.kind === 'certificate' ? { ...common, certificate: login.certificate, key: login.key } : common;

  const authorization = async (signal: AbortSignal): Promise<Readonly<Record<string, string>>> => {
    if (token) return { authorization: await token.header(signal) };
    if (login.kind !== 'basic') return {};
    const pair = Buffer.from(`${login.username}:${login.password}`).toString('base64');
    return { authorization: `Basic ${pair}` };
  };
  const post = async (notice: AlertNotice, signal: AbortSignal): Promise<HttpAnswer> => {
    const headers = { 'content-type': 'application/json', ...(await authorization(signal)) };
    const body = JSON.stringify(producerEvent(notice, resource));
    return exchange({ method: 'POST', url: `${endpoint.url}${PATH}`, headers, body }, { ...parts, signal });
  };

  return {
    name: 'SAP Alert Notification',
    async send(notice, signal) {
      try {
        const answer = await post(notice, signal);
        if (answer.status !== 401 || !token) return judge(answer);
        token.forget();
        return judge(await post(notice, signal));
      } catch (error) {
        return unavailable(error);
      }
    },
  };
}

/** No answer is quoted: it may repeat what was sent. Whatever a person can set right is worth another attempt. */
function judge({ status, retryAfterMs }: HttpAnswer): NoticeResult {
  if (status >= 200 && status < 300) return { kind: 'accepted' };
  const reason = `it answered ${status}`;
  if (CONTENT_REFUSED.includes(status)) return { kind: 'refused', reason };
  return { kind: 'unavailable', reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

function unavailable(error: unknown): NoticeResult {
  if (error instanceof AlertTokenError) {
    const { message: reason, retryAfterMs } = error;
    return { kind: 'unavailable', reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }
  const why = error instanceof HttpExchangeError ? error.message : 'a defect of this program';
  return { kind: 'unavailable', reason: `it cannot be reached (${why})` };
}
