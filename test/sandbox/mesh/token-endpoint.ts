/** `POST /oauth/token`, with the ways in which token services fail. */
import type { IncomingMessage } from 'node:http';
import type { MeshCounters } from './counters.ts';
import type { Charges } from './faults.ts';
import { readBody, type Answer, type NoAnswer } from './http-answer.ts';
import type { Waits } from './time.ts';
import { readCredentials, type Tokens } from './tokens.ts';

export interface TokenEndpointOptions {
  readonly tokens: Tokens;
  readonly charges: Charges;
  readonly counters: MeshCounters;
  readonly waits: Waits;
}

/** Answers one token request. */
export async function answerTokenRequest(
  request: IncomingMessage,
  { tokens, charges, counters, waits }: TokenEndpointOptions,
): Promise<Answer | NoAnswer> {
  counters.tokenRequests += 1;
  const fault = charges.token.take();
  const body = await readBody(request);
  if (body === undefined) return { status: 413, body: { error: 'invalid_request' } };
  switch (fault?.kind) {
    case 'down':
      return 'cut';
    case 'hang':
      return 'hang';
    case 'status':
      return { status: fault.status, body: { error: 'server_error' } };
    case 'not-json':
      return { status: 200, body: '<html><body>Sign in</body></html>' };
    case 'no-token':
      return { status: 200, body: { token_type: 'bearer' } };
    case 'worthless-token':
      return { status: 200, body: { access_token: 'worthless', token_type: 'bearer', expires_in: 3600 } };
    case 'slow':
      await waits.wait(fault.delayMs);
      break;
    case undefined:
      break;
  }
  if (request.method !== 'POST') return { status: 405, headers: { allow: 'POST' } };
  const form = new URLSearchParams(body);
  if (form.get('grant_type') !== 'client_credentials') {
    return { status: 400, body: { error: 'unsupported_grant_type' } };
  }
  if (!tokens.knows(readCredentials(request.headers.authorization, form))) {
    return { status: 401, body: { error: 'unauthorized', error_description: 'Bad credentials' } };
  }
  const { token, expiresInS } = tokens.issue();
  counters.tokensIssued += 1;
  return { status: 200, body: { access_token: token, token_type: 'bearer', expires_in: expiresInS } };
}
