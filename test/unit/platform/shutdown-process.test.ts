import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { afterEach, describe, expect, it } from 'vitest';

const program = `
  import { systemClock } from '${new URL('../../../srv/platform/clock.ts', import.meta.url).href}';
  import { createLogger } from '${new URL('../../../srv/platform/logger.ts', import.meta.url).href}';
  import { createShutdown } from '${new URL('../../../srv/platform/shutdown.ts', import.meta.url).href}';
  const log = createLogger({ level: 'info', format: 'json', component: { name: 'x', instanceIndex: 0 }, clock: systemClock });
  const shutdown = createShutdown({ timeoutMs: 10_000, clock: systemClock, log });
  shutdown.onStop('part', async () => log.info('part stops'));
  const alive = setInterval(() => {}, 1000);
  process.on('message', () => {
    if (process.argv[1] === 'throw') throw Object.assign(new Error('boom'), { config: 'geheim' });
    Promise.reject(new Error('boom'));
  });
  log.info('up');
`;

const running = new Set<ReturnType<typeof start>['child']>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

function start(how: string) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, how], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  running.add(child);
  let output = '';
  const up = new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('"up"')) resolve();
    });
  });
  const closed = once(child, 'close').then(([code, signal]) => ({
    code: code as unknown,
    signal: signal as unknown,
    output,
  }));
  return { child, up, closed };
}

describe('a real process', () => {
  it('told to end by SIGTERM stops its parts, has logged to the last line, and exits with 0', async () => {
    const { child, up, closed } = start('wait');
    await up;
    child.kill('SIGTERM');
    const { code, signal, output } = await closed;
    expect([code, signal]).toEqual([0, null]);
    expect(output).toContain('part stops');
    expect(output).toContain('stopped: all work is drained');
  });

  it.each(['throw', 'reject'])(
    'with an error that nobody handles (%s) logs it with its stack and exits with 1',
    async (how) => {
      const { child, up, closed } = start(how);
      await up;
      child.send('go');
      const { code, output } = await closed;
      expect(code).toBe(1);
      const line = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
      expect(line).toMatchObject({ level: 'error', error_message: 'boom' });
      expect(line['stacktrace']).toEqual(expect.arrayContaining([expect.stringMatching(/^at /)]));
      expect(output).not.toContain('geheim');
    },
  );
});
