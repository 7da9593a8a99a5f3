/** The HTTP server with the operations API on a real socket, over doubles, and a client that sends what it is told. */
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

import { afterEach, beforeEach, expect } from 'vitest';

import { createHttpServer, type HttpServer } from '../../srv/http/server.ts';
import type { Operations } from '../../srv/http/operations/index.ts';
import type { Log } from '../../srv/platform/log.ts';
import {
  DeadLetterDeskDouble,
  LaneDeskDouble,
  ProcessingSwitchDouble,
  SUMMARY,
} from './operations-api-doubles.ts';

export interface Stage {
  deadLetters: DeadLetterDeskDouble;
  lanes: LaneDeskDouble;
  processing: ProcessingSwitchDouble;
  summary: Operations['summary'];
  /** Logged by the server. A test that provokes one takes it out: any other is a defect behind a 500. */
  errors: unknown[];
  server: HttpServer;
  port: number;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly body: unknown;
}

/** Filled anew before each test. */
export const stage = {} as Stage;

/** To be called once in a test file. */
export function setUpStage(): void {
  beforeEach(async () => {
    const deadLetters = new DeadLetterDeskDouble();
    const lanes = new LaneDeskDouble();
    const processing = new ProcessingSwitchDouble();
    const errors: unknown[] = [];
    const server = createHttpServer({
      host: '127.0.0.1',
      port: 0,
      log: logInto(errors),
      readiness: () => ({ mode: 'embedded', receiver: 'active', checks: [] }),
      operations: { deadLetters, lanes, processing, summary: () => stage.summary() },
    });
    const { port } = await server.listen();
    Object.assign(stage, {
      deadLetters,
      lanes,
      processing,
      summary: async () => SUMMARY,
      errors,
      server,
      port,
    });
  });

  afterEach(async () => {
    await stage.server.close();
    expect(stage.errors).toEqual([]);
  });
}

/** By hand, so that path and headers travel exactly as given. */
export async function call(
  method: string,
  path: string,
  { body, headers = {} }: { body?: string | Buffer; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { port } = stage;
  const sent = request({ host: '127.0.0.1', port, method, path: `/api/v1/${path}`, headers });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const content = await text(answer);
  const { statusCode: status = 0, headers: received } = answer;
  const type = received['content-type'] ?? '';
  return {
    status,
    type,
    headers: received,
    text: content,
    body: content === '' ? undefined : JSON.parse(content),
  };
}

export const get = (path: string) => call('GET', path);

export const post = (path: string, body: unknown = {}) =>
  call('POST', path, { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });

export function expectProblem(
  { status, type, body }: Answer,
  expected: Record<string, unknown> & { status: number },
): void {
  expect(body).toMatchObject(expected);
  expect(status).toBe(expected.status);
  expect(type).toBe('application/problem+json; charset=utf-8');
  for (const member of ['type', 'title', 'detail', 'code', 'action']) {
    expect(body).toHaveProperty(member, expect.stringMatching(/./));
  }
}

function logInto(errors: unknown[]): Log {
  const log: Log = {
    debug() {},
    info() {},
    warn() {},
    error: (_message, fields) => void errors.push(fields?.['error']),
    child: () => log,
  };
  return log;
}
