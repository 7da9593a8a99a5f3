import { Writable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import type { Clock } from '../../../srv/platform/clock.ts';
import type { Log } from '../../../srv/platform/log.ts';
import { LINE_LIMIT_BYTES } from '../../../srv/platform/log-formats.ts';
import { createLogger } from '../../../srv/platform/logger.ts';
import type { LoggerOptions } from '../../../srv/platform/logger.ts';

const noon = Date.UTC(2026, 10, 22, 12, 0, 0, 5);
const clock: Clock = { now: () => noon, monotonicMs: () => 0, after: () => ({ cancel() {} }) };

function recorded(options: Partial<LoggerOptions> = {}, isTTY = false) {
  const lines: string[] = [];
  const stream = Object.assign(
    new Writable({
      decodeStrings: false,
      write(chunk: string, _encoding, done) {
        lines.push(chunk.replace(/\n$/, ''));
        done();
      },
    }),
    { isTTY },
  );
  const component = {
    name: 'territory-srv',
    id: 'guid',
    instanceIndex: 1,
    space: 'dev',
    organization: 'org',
  };
  const log: Log = createLogger({ level: 'debug', format: 'json', component, clock, stream, ...options });
  const json = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log, lines, json };
}

/** An error as axios makes it: the request with its credentials hangs on it. */
function httpError(): Error {
  const config = { headers: { Authorization: 'Bearer geheim-token' }, data: 'geheim-body' };
  return Object.assign(new Error('Request failed with status code 412'), {
    name: 'AxiosError',
    code: 'ERR_BAD_REQUEST',
    config,
    request: config,
    response: { status: 412, data: 'geheim-body', config },
    toJSON: () => config,
  });
}

describe('a JSON log line', () => {
  it('has the fields that SAP Cloud Logging knows', () => {
    const { log, json } = recorded();
    log.info('started', { port: 4004, correlationId: 'c-1' });
    expect(json()).toEqual([
      {
        type: 'log',
        layer: 'node',
        level: 'info',
        msg: 'started',
        logger: 'territory-sync',
        written_at: '2026-11-22T12:00:00.005Z',
        written_ts: noon * 1e6,
        component_type: 'application',
        component_id: 'guid',
        component_name: 'territory-srv',
        component_instance: '1',
        source_instance: '1',
        organization_name: 'org',
        space_name: 'dev',
        port: 4004,
        correlation_id: 'c-1',
      },
    ]);
  });

  it("keeps what child logs add, theirs going before the parent's", () => {
    const { log, json } = recorded();
    log
      .child({ logger: 'mesh', correlationId: 'c-1' })
      .child({ correlationId: 'c-2' })
      .warn('lost', { link: 3 });
    expect(json()[0]).toMatchObject({ logger: 'mesh', correlation_id: 'c-2', link: 3, level: 'warn' });
  });

  it('keeps its message when a field is named message, and its own fields when names collide', () => {
    const { log, json } = recorded();
    log.info('said', { message: 'other', level: 'x', type: 'cx.y', msg: 'z', component_id: 'w' });
    expect(json()[0]).toMatchObject({
      msg: 'said',
      message: 'other',
      level: 'info',
      x_level: 'x',
      type: 'log',
      x_type: 'cx.y',
      x_msg: 'z',
      component_id: 'guid',
      x_component_id: 'w',
    });
  });

  it('orders the lines of one millisecond', () => {
    const { log, json } = recorded();
    log.info('a');
    log.child({}).info('b');
    const [a, b] = json().map((line) => Number(line['written_ts']));
    expect(b).toBeGreaterThan(a ?? Infinity);
  });

  it('unfolds an error with code, stack and causes', () => {
    const { log, json } = recorded();
    const cause = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    log.error('read failed', { error: new TypeError('no answer', { cause }) });
    const line = json()[0] ?? {};
    expect(line).toMatchObject({ error_name: 'TypeError', error_message: 'no answer' });
    const stack = line['stacktrace'] as string[];
    expect(stack[0]).toBe('TypeError: no answer');
    expect(stack[1]).toMatch(/^at .*logger\.test\.ts/);
    expect(stack).toContain('caused by: Error [ECONNRESET]: socket hang up');
    expect(line).not.toHaveProperty('error');
  });

  it('keeps other errors beside the one it unfolds', () => {
    const { log, json } = recorded();
    log.error('both failed', { error: new Error('first'), cleanup: new TypeError('second') });
    expect(json()[0]).toMatchObject({ error_message: 'first', cleanup: 'TypeError: second' });
  });

  it('ends although causes go round in a circle', () => {
    const { log, json } = recorded();
    const error = new Error('round');
    error.cause = error;
    log.error('failed', { error });
    const stack = json()[0]?.['stacktrace'];
    expect(Array.isArray(stack) ? stack.length : Infinity).toBeLessThanOrEqual(40);
  });

  it('shows nothing of an HTTP error but what it says itself', () => {
    const { log, lines } = recorded();
    const error = httpError();
    log.error('write refused', { error });
    log.error('write refused', { failure: error, list: [error], deep: { error } });
    log.error('write refused', { error: new Error('outer', { cause: error }) });
    expect(lines).toHaveLength(3);
    expect(lines.join('\n')).toContain('Request failed with status code 412');
    expect(lines.join('\n')).not.toContain('geheim');
  });

  it('redacts what names and texts give away as secrets', () => {
    const { log, lines, json } = recorded();
    log.info('sent Authorization: Bearer geheim-1 to https://user:geheim-2@host/x', {
      authorization: 'geheim-3',
      clientSecret: 'geheim-4',
      'set-cookie': ['geheim-5'],
      key: 'geheim-6',
      nested: { password: 'geheim-7', list: [{ access_token: 'geheim-8' }] },
      credentials: { a: 'geheim-9' },
      body: 'grant_type=x&client_secret=geheim-10&y=1',
      error: new Error('401 for Basic geheim11=='),
    });
    expect(lines.join('')).not.toContain('geheim');
    expect(json()[0]).toMatchObject({
      authorization: '[redacted]',
      nested: expect.stringContaining('[redacted]') as string,
    });
  });

  it('lets figures and public keys through', () => {
    const { log, json } = recorded();
    log.info('figures', { tokenRequests: 3, idempotencyKey: 'f0', recordKey: 'T001', ok: true, none: null });
    expect(json()[0]).toMatchObject({
      tokenRequests: 3,
      idempotencyKey: 'f0',
      recordKey: 'T001',
      ok: true,
      none: null,
    });
  });

  it('holds scalars as they are and everything nested as JSON text', () => {
    const { log, json } = recorded();
    log.info('values', {
      date: new Date(0),
      wrongDate: new Date(Number.NaN),
      big: 10n,
      nan: Number.NaN,
      object: { a: [1, { b: new Date(0) }] },
      bytes: { buffer: Buffer.from('geheim') },
      missing: undefined,
      run: () => 1,
    });
    expect(json()[0]).toMatchObject({
      date: '1970-01-01T00:00:00.000Z',
      wrongDate: 'no date',
      big: '10',
      nan: 'NaN',
      object: '{"a":[1,{"b":"1970-01-01T00:00:00.000Z"}]}',
      bytes: '{"buffer":"[6 bytes]"}',
      run: '[function]',
    });
    expect(json()[0]).not.toHaveProperty('missing');
  });

  it('is never longer than its limit, whatever is logged', () => {
    const { log, lines, json } = recorded();
    const long = '€\u{1F600}'.repeat(20_000);
    const error = new Error(long, { cause: new Error(long) });
    log.error(long, {
      error,
      ...Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${long}${i}`, long])),
    });
    log.error('short', {
      keep: 'me',
      ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`long${i}`, long])),
    });
    for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(LINE_LIMIT_BYTES);
    expect(json()[1]).toMatchObject({
      msg: 'short',
      keep: 'me',
      dropped_fields: expect.stringContaining('long') as string,
    });
  });

  it('survives fields that cannot be read', () => {
    const { log, json } = recorded();
    const trap = {
      get value(): string {
        throw new Error('trap');
      },
    };
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    log.info('trap', trap);
    log.info('trap', { trap });
    log.info('circle', { circle });
    expect(json().map((line) => line['msg'])).toEqual(['trap', 'trap', 'circle']);
  });

  it('is not written below the level', () => {
    const { log, lines } = recorded({ level: 'warn' });
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    expect(lines).toHaveLength(2);
  });
});

describe('a line for people', () => {
  it('reads from left to right, with the stack below', () => {
    const { log, lines } = recorded({ format: 'text' });
    log
      .child({ logger: 'mesh' })
      .warn('connection lost', { code: 'X', wait: 200, why: 'no answer', error: new Error('gone') });
    expect(lines[0]).toMatch(
      /^12:00:00\.005 WARN  mesh connection lost code=X wait=200 why="no answer"\n {4}Error: gone\n {4}at /,
    );
  });

  it('cannot be forged by what is logged', () => {
    const { log, lines } = recorded({ format: 'text' });
    log.info('id a\n12:00:00.005 ERROR forged', { value: 'b\r\n\u001B[31mred' });
    expect(lines[0]?.split('\n')).toHaveLength(1);
    expect(lines[0]).not.toContain('\u001B');
  });

  it('is coloured on a terminal only', () => {
    const terminal = recorded({ format: 'text' }, true);
    terminal.log.error('failed');
    expect(terminal.lines[0]).toContain('\u001B[31mERROR\u001B[0m');
  });
});
