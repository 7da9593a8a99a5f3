/**
 * What the Cloud SDK and axios throw, reduced to a line. Their errors hold the Authorization header and the body, so they go
 * no further than this file: only their codes are taken over.
 */
import type { ApiTrouble } from './port.ts';

/** A request that brought no answer. */
export interface NoAnswer {
  readonly kind: 'trouble';
  readonly trouble: ApiTrouble;
  /** False only where it is certain that the API did not act on the request. */
  readonly sent: boolean;
}

/** Codes with which a connection was never made, so that nothing can have been sent. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** Trouble as an answer; `sent` says whether the API may have acted. */
export function noAnswer(reason: ApiTrouble['reason'], message: string, sent: 'sent' | 'not-sent'): NoAnswer {
  return { kind: 'trouble', trouble: { reason, message }, sent: sent === 'sent' };
}

/** Reduces what `executeHttpRequest` threw; the error itself must not be kept, logged or passed on as a cause. */
export function troubleOf(error: unknown, answerLimitBytes: number): NoAnswer {
  const axiosError = causes(error).find((cause) => cause['isAxiosError'] === true);
  if (axiosError === undefined) {
    return noAnswer(
      'destination',
      `the request could not be built from the destination${codeSuffix(error)}; check its authentication, certificate and proxy type`,
      'not-sent',
    );
  }
  const code = codeOf(axiosError) ?? codeOf(error);
  if (code === 'ERR_BAD_RESPONSE' && /maxContentLength/.test(textOf(axiosError['message']))) {
    return noAnswer(
      'not-an-answer',
      `the answer is larger than ${answerLimitBytes} bytes; lower BATCH_SIZE_MAX`,
      'sent',
    );
  }
  if (code !== undefined && NEVER_CONNECTED.has(code)) {
    return noAnswer(
      'network',
      `no connection to the API (${code}); check the destination's URL and the network`,
      'not-sent',
    );
  }
  return noAnswer(
    'network',
    `the connection broke before the answer was complete (${code ?? 'no code'})`,
    'sent',
  );
}

/** ` (CODE)` for the first code in the chain of causes, else nothing. */
export function codeSuffix(error: unknown): string {
  for (const cause of causes(error)) {
    const code = codeOf(cause);
    if (code !== undefined) return ` (${code})`;
  }
  return '';
}

/** The error and its causes, outermost first, at most eight. */
export function causes(error: unknown): readonly Readonly<Record<string, unknown>>[] {
  const chain: Readonly<Record<string, unknown>>[] = [];
  let current = error;
  while (typeof current === 'object' && current !== null && chain.length < 8) {
    chain.push(current as Readonly<Record<string, unknown>>);
    current = (current as { cause?: unknown }).cause;
  }
  return chain;
}

/** A text as it is, anything else as nothing. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : undefined;
}
