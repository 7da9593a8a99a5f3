import { once } from 'node:events';
import { Agent, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import type { Readiness } from '../../../srv/http/health.ts';
import { createHttpServer } from '../../../srv/http/server.ts';
import type { HttpServer } from '../../../srv/http/server.ts';
import type { Clock } from '../../../srv/platform/clock.ts';
import type { Log, LogFields } from '../../../srv/platform/log.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';

const ready: Readiness = {
  mode: 'embedded',
  receiver: 'active',
  checks: [{ name: 'mesh', status: 'UP', since: 0 }],
};

const servers: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(readiness: () => Readiness = () => ready, clock?: Clock) {
  const lines: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
  const write = (message: string, fields?: LogFields): void => void lines.push({ message, fields });
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  const server = createHttpServer({ host: '127.0.0.1', port: 0, log, readiness, ...(clock && { clock }) });
  servers.push(server);
  const { port } = await server.listen();
  return { server, port, url: `http://127.0.0.1:${port}`, lines };
}

describe('the HTTP server', () => {
  it('says that it lives', async () => {
    const { url } = await serve(() => {
      throw new Error('readiness is not asked');
    });
    const answer = await fetch(`${url}/health/live`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: 'UP' });
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('is ready while all checks are up, standing by or paused included', async () => {
    let receiver: Readiness['receiver'] = 'active';
    const { url } = await serve(() => ({ ...ready, receiver }));
    for (receiver of ['active', 'standby', 'paused'] as const) {
      const answer = await fetch(`${url}/health/ready`);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual({
        status: 'UP',
        mode: 'embedded',
        receiver,
        checks: [{ name: 'mesh', status: 'UP', since: '1970-01-01T00:00:00.000Z' }],
      });
    }
  });

  it('is not ready while one check is down, and says which, since when and why', async () => {
    const down = { name: 'queue', status: 'DOWN', since: 1000, reason: 'not exclusive' } as const;
    const { url } = await serve(() => ({ ...ready, checks: [...ready.checks, down] }));
    const answer = await fetch(`${url}/health/ready`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      status: 'DOWN',
      checks: [{ status: 'UP' }, { ...down, since: '1970-01-01T00:00:01.000Z' }],
    });
  });

  it.each([
    ['GET', '/nothing'],
    ['POST', '/health/live'],
    ['GET', '/api/v1/summary'],
  ])('answers %s %s, which it does not know, with a problem', async (method, path) => {
    const { url } = await serve();
    const answer = await fetch(url + path, { method });
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(await answer.json()).toMatchObject({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      code: 'NOT_FOUND',
    });
  });

  it('tells nothing of a defect, and logs it', async () => {
    const { url, lines } = await serve(() => {
      throw new Error('geheim');
    });
    const answer = await fetch(`${url}/health/ready`);
    expect(answer.status).toBe(500);
    const body = await answer.text();
    expect(JSON.parse(body)).toMatchObject({ status: 500, code: 'INTERNAL' });
    expect(body).not.toContain('geheim');
    expect(lines).toEqual([
      {
        message: 'an HTTP request failed',
        fields: expect.objectContaining({ route: '/health/ready' }) as LogFields,
      },
    ]);
  });

  it.each([
    ['an address that cannot be decoded', 'GET /%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 400],
    ['what is not HTTP', 'hello\r\n\r\n', 400],
    ['headers beyond the limit', `GET / HTTP/1.1\r\nx: ${'x'.repeat(70_000)}\r\n\r\n`, 431],
  ])('answers %s with a problem', async (_what, text, status) => {
    const { port } = await serve();
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    // The server answers and hangs up without reading all of it.
    socket.on('error', () => undefined);
    socket.write(text);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer.toLowerCase()).toContain('content-type: application/problem+json');
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({
      status,
      code: 'BAD_REQUEST',
    });
  });

  it('keeps connections longer than the router of Cloud Foundry does', async () => {
    const { url } = await serve();
    const answer = await fetch(`${url}/health/live`);
    expect(Number(/timeout=(\d+)/.exec(answer.headers.get('keep-alive') ?? '')?.[1])).toBeGreaterThan(90);
  });

  it('closes although a client keeps its connection', async () => {
    const { server, url } = await serve();
    const agent = new Agent({ keepAlive: true });
    const [answer] = (await once(get(`${url}/health/live`, { agent }), 'response')) as [IncomingMessage];
    answer.resume();
    await once(answer, 'end');
    await server.close();
    agent.destroy();
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
  });

  it('closes within its limit although a client has sent half a request and no more', async () => {
    const clock = new ManualClock();
    const { server, port } = await serve(() => ready, clock);
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    // The first one is answered, so the beginning of the second one has arrived as well, or will.
    socket.write('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\nGET /health/live HTTP/1.1\r\n');
    await once(socket, 'data');
    let closed = false;
    const closing = server.close().then(() => (closed = true));
    await clock.elapse(2_900);
    expect(closed).toBe(false);
    clock.advance(100);
    await closing;
    socket.destroy();
    expect(clock.pendingTimers).toBe(0);
  });

  it('says in one line that its port is taken', async () => {
    const { port } = await serve();
    const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
    const second = createHttpServer({ host: '127.0.0.1', port, log, readiness: () => ready });
    servers.push(second);
    await expect(second.listen()).rejects.toMatchObject({
      code: 'HTTP_LISTEN',
      message: `Port ${port} of 127.0.0.1 is taken by another program: set PORT or BIND_HOST.`,
    });
  });
});
