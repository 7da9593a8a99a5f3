import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';

import { createHttpServer, type HttpServer } from '../../../srv/http/server.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';

const open: HttpServer[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function served(metrics?: () => Promise<string>): Promise<number> {
  const server = createHttpServer({
    host: '127.0.0.1',
    port: 0,
    log: createRecordingLog(),
    readiness: () => ({ mode: 'embedded', receiver: 'active', checks: [] }),
    ...(metrics && { metrics }),
  });
  open.push(server);
  return (await server.listen()).port;
}

/** `fetch` does not let one lie about the host. */
function get(port: number, host: string): Promise<{ readonly status?: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: '/metrics', headers: { host } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.once('end', () => resolve({ status: answer.statusCode, text }));
    });
    asked.once('error', reject).end();
  });
}

describe('GET /metrics', () => {
  it('answers on this machine', async () => {
    const port = await served(async () => 'up 1\n');
    expect(await get(port, `127.0.0.1:${port}`)).toEqual({ status: 200, text: 'up 1\n' });
  });

  it('answers no web page whose name was made to resolve to this machine', async () => {
    const port = await served(async () => 'up 1\n');
    const { status, text } = await get(port, 'evil.example');
    expect([status, JSON.parse(text)]).toMatchObject([403, { code: 'FOREIGN_HOST' }]);
  });

  it('is not there where it is not to be served', async () => {
    const port = await served();
    expect(await get(port, '127.0.0.1')).toMatchObject({ status: 404 });
  });
});
