import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fetchToken, renewAfterMs, TokenError } from '../../../srv/mesh/access-token.ts';
import { systemClock } from '../../../srv/platform/clock.ts';

let server: http.Server;
let answer: { status: number; body: string };
let asked: { form: URLSearchParams; headers: http.IncomingHttpHeaders }[];

beforeEach(async () => {
  asked = [];
  server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      asked.push({ form: new URLSearchParams(body), headers: request.headers });
      response.writeHead(answer.status).end(answer.body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

const fetched = (
  given: { clientId?: string; clientSecret?: string } = {},
  signal = new AbortController().signal,
) =>
  fetchToken(
    {
      tokenUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth/token`,
      clientId: 'sb-1!b2|x',
      clientSecret: 'hu&sh=+%',
      ...given,
    },
    { clock: systemClock, timeoutMs: 5_000, signal },
  );
const refused = (promise: Promise<unknown>): Promise<TokenError> =>
  promise.then(
    () => Promise.reject(new Error('a token was given')),
    (error: unknown) => error as TokenError,
  );
const jwt = (claims: object): string =>
  ['{"alg":"none"}', JSON.stringify(claims), '']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');

describe('a token', () => {
  test('is asked for by client credentials that survive any character, in one request', async () => {
    answer = { status: 200, body: '{"access_token":"t","expires_in":43199}' };
    expect(await fetched()).toMatchObject({ authorization: 'Bearer t', lifeMs: 43_199_000 });
    expect(asked).toHaveLength(1);
    expect(Object.fromEntries(asked[0]?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      client_id: 'sb-1!b2|x',
      client_secret: 'hu&sh=+%',
    });
  });

  test.each([
    ['as text', { access_token: 't', expires_in: '600' }, 600_000],
    ['in the token itself only', { access_token: jwt({ iat: 1_000, exp: 4_600 }) }, 3_600_000],
    ['nowhere', { access_token: 'opaque' }, undefined],
    ['as nonsense', { access_token: 'opaque', expires_in: -1 }, undefined],
    ['in a token that is no JWT', { access_token: 'a.!!.b' }, undefined],
  ])('whose life is given %s', async (_name, body, lifeMs) => {
    answer = { status: 200, body: JSON.stringify(body) };
    expect((await fetched()).lifeMs).toBe(lifeMs);
  });

  test.each([
    [401, '{"error":"unauthorized hu&sh=+%"}', 'MESH_TOKEN_REFUSED', 'usual'],
    [400, 'hu&sh=+%', 'MESH_TOKEN_REFUSED', 'usual'],
    [503, '', 'MESH_TOKEN_UNAVAILABLE', 'long'],
    [429, '', 'MESH_TOKEN_UNAVAILABLE', 'long'],
    [302, '', 'MESH_TOKEN_UNAVAILABLE', 'usual'],
    [200, '<html>hu&sh=+%</html>', 'MESH_TOKEN_UNAVAILABLE', 'usual'],
    [200, '{"token_type":"bearer"}', 'MESH_TOKEN_UNAVAILABLE', 'usual'],
    [200, '{"access_token":"a\\r\\nX: y"}', 'MESH_TOKEN_UNAVAILABLE', 'usual'],
    [200, 'null', 'MESH_TOKEN_UNAVAILABLE', 'usual'],
  ])(
    'that is not given (%i) is explained, without a word of the answer',
    async (status, body, code, patience) => {
      answer = { status, body };
      const error = await refused(fetched());
      expect(error).toBeInstanceOf(TokenError);
      expect(error.problem).toMatchObject({ code, patience });
      expect(error.message).not.toMatch(/hu&sh|html|X: y/u);
    },
  );

  test('is not waited for where the endpoint switches to another protocol', async () => {
    server.removeAllListeners('request').on('connection', (socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'));
    });
    expect((await refused(fetched())).code).toBe('MESH_TOKEN_UNAVAILABLE');
  });

  test('is no longer waited for once nobody wants it', async () => {
    const abort = new AbortController();
    server.removeAllListeners('request').on('request', () => abort.abort());
    expect((await refused(fetched({}, abort.signal))).code).toBe('MESH_TOKEN_UNAVAILABLE');
  });
});

describe('the time of a renewal', () => {
  const limits = { renewBeforeMs: 300_000, backoff: { maxMs: 30_000 } };
  const hourMs = 3_600_000;

  test.each([
    ['five to ten minutes before the end, by chance', 12 * hourMs, 0, 0, 12 * hourMs - 300_000],
    ['five to ten minutes before the end, by chance', 12 * hourMs, 0, 0.999, 12 * hourMs - 599_700],
    ['not in the first half of a short life', 10 * 60_000, 0, 0.9, 5 * 60_000],
    ['that much sooner if the token is older', 10 * 60_000, 20_000, 0.9, 5 * 60_000 - 20_000],
    ['never sooner than the longest back-off', 1_000, 0, 0.5, 30_000],
    ['never sooner than the longest back-off', 60_000, 20_000, 0.5, 30_000],
  ])('is %s', (_name, lifeMs, ageMs, fraction, afterMs) => {
    expect(renewAfterMs(lifeMs, ageMs, limits, fraction)).toBe(afterMs);
  });
});
