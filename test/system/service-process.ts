/** The service as a process of its own, started as in production: nothing but its environment tells it what to do. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../srv/main.ts', import.meta.url));

/** Lines of output kept for a failure's report. */
const OUTPUT_LINES = 200;

export interface ServiceProcess {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** The last lines of standard output and error. */
  output(): string;
  /** Resolves with the exit code when it ends, whoever ended it; −1 after a signal. */
  readonly exited: Promise<number>;
  /** Sends SIGTERM and resolves with the exit code. */
  stop(): Promise<number>;
  /** SIGKILL: as a crash. */
  kill(): Promise<void>;
  /** Sends it at once and waits for nothing. */
  signal(name: NodeJS.Signals): void;
}

/** The service ended before it was running. */
export class ServiceStartError extends Error {
  readonly code = 'SERVICE_START';
}

/**
 * Starts the service and resolves once its log says that it runs (at level `info`); it may still be connecting.
 * @param env settings and bindings, on top of PATH only: what the shell has set does not leak in
 * @throws {ServiceStartError} with its output where it ends before
 */
export async function startService(env: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Away from the project's folder, so that no default-env.json of a developer is read.
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  const lines: string[] = [];
  const listening = listeningPort(child, lines);
  const exited = new Promise<number>((resolve) => {
    child.once('exit', (code) => resolve(code ?? -1));
  });
  const port = await Promise.race([listening, exited.then(() => undefined)]);
  if (port === undefined) {
    throw new ServiceStartError(`The service ended before it was running:\n${lines.join('\n')}`);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    output: () => lines.join('\n'),
    exited,
    async stop() {
      child.kill('SIGTERM');
      return exited;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    signal: (name) => void child.kill(name),
  };
}

/** Resolves with the port that the line "territory-sync is running" names. */
function listeningPort(child: ChildProcess, lines: string[]): Promise<number> {
  return new Promise((resolve) => {
    const take = (line: string) => {
      lines.push(line);
      if (lines.length > OUTPUT_LINES) lines.shift();
      const running = /territory-sync is running.*?port\W+(\d+)/.exec(line);
      if (running) resolve(Number(running[1]));
    };
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop() ?? '';
        parts.forEach(take);
      });
    }
  });
}
