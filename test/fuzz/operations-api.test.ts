/** The operations API over a real socket: an answer or a problem, never a 5xx. */
import { once } from 'node:events';
import net from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { call, setUpStage, stage } from '../integration/operations-api-stage.ts';
import { fuzz } from './fuzz.ts';
import { wrongBytes, wrongJson, wrongText } from './mutations.ts';

setUpStage();

const PATHS = [
  'summary',
  'territories?state=ready&cursor=abc&limit=5',
  'territories/EMEA',
  'changes/7d0c?source=%2Fcrm',
  'dead-letters?reason=OVERLAP&territory=EMEA',
  'dead-letters/d-1',
];
const POSTS = [
  'dead-letters/d-1/replay',
  'dead-letters/d-1/discard',
  'dead-letters/replay',
  'processing/pause',
  'processing/resume',
  'territories/EMEA/pause',
];
const BODIES = [
  {
    note: 'why',
    overwrite: false,
    assignments: [{ id: 'T001', operation: 'update', fields: { owner: 'E1' }, before: {} }],
  },
  { filter: { reason: 'OVERLAP', territory: 'EMEA', failedBefore: '2026-11-22T10:00:00Z' }, note: 'all' },
  { what: 'flights' },
  {},
];

/** What a client may put into a request line at all. */
const target = (text: string): string =>
  Buffer.from(text.replaceAll(/[^\x21-\x7e]/gu, (odd) => encodeURIComponent(odd.toWellFormed()))).toString();
const requests = fc.oneof(
  fc.record({
    method: fc.constantFrom('GET', 'HEAD', 'DELETE'),
    path: wrongText(fc.constantFrom(...PATHS)).map(target),
    body: fc.constant(undefined),
  }),
  fc.record({
    method: fc.constantFrom('POST', 'PUT', 'PATCH'),
    path: wrongText(fc.constantFrom(...POSTS)).map(target),
    body: wrongJson(fc.constantFrom<unknown>(...BODIES)),
  }),
);

test('whatever is asked is answered', () =>
  fuzz(requests, async ({ method, path, body }) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await call(method, path, body === undefined ? {} : { body, headers });
    expect(answer.status).toBeLessThan(500);
    expect(answer.status).toBeGreaterThanOrEqual(200);
    expect(stage.errors).toEqual([]);
  }));

const HEADERS = [
  'Host: localhost',
  'Host: evil.example',
  'Content-Type: application/json',
  'Content-Type: text/plain',
  'Content-Length: 2',
  'Transfer-Encoding: chunked',
  'Expect: 100-continue',
  'Connection: upgrade\r\nUpgrade: websocket',
  'traceparent: 00-00000000000000000000000000000001-0000000000000001-01',
];
/** Whole requests as they go over the line; the end of the connection is the end of the last one. */
const wire = wrongBytes(
  fc
    .record({
      line: fc.constantFrom(
        'GET /health/live HTTP/1.1',
        'GET /api/v1/summary HTTP/1.1',
        'POST /api/v1/processing/pause HTTP/1.1',
        'GET /api/v1/territories?limit=5 HTTP/1.0',
        'OPTIONS * HTTP/1.1',
        'CONNECT x:1 HTTP/1.1',
      ),
      headers: fc.array(fc.constantFrom(...HEADERS), { maxLength: 5 }),
      body: fc.constantFrom('', '{}', '2\r\n{}\r\n0\r\n\r\n'),
    })
    .map(({ line, headers, body }) => Buffer.from([line, ...headers, '', body].join('\r\n'))),
);

test('whatever bytes come, the connection ends, with answers that are no 5xx or without any', () =>
  fuzz(wire, async (bytes) => {
    const socket = net.connect({ host: '127.0.0.1', port: stage.port });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.end(bytes);
    if (!socket.closed) await once(socket, 'close');
    const statuses = Buffer.concat(chunks)
      .toString('latin1')
      .matchAll(/^HTTP\/1\.1 (\d{3}) /gmu);
    for (const [, status] of statuses) expect(Number(status)).toBeLessThan(500);
    expect(stage.errors).toEqual([]);
  }));
