/**
 * What is deployed, as the platform has it: built apart from the working copy, so that nothing stale is tested, installed
 * in an empty folder without development dependencies, started by the descriptor's command through a shell.
 */
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Everything that the build reads besides node_modules. */
const SOURCES = [
  'srv',
  'scripts',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];
const STEP_LIMIT_MS = 120_000;
/** Lines of output kept for a failure's report. */
const OUTPUT_LINES = 200;

/** The Node that runs this comes first wherever `node` is started by its name. */
const PATH = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`;

export interface Installation {
  readonly folder: string;
  remove(): Promise<void>;
}

export interface DeployedService {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** The last lines of standard output and error. */
  output(): string;
  /** Sends SIGTERM to the process that the platform knows, the shell's, and resolves with its exit code. */
  stop(): Promise<number>;
  /** Ends it and whatever it started, at once. */
  kill(): Promise<void>;
}

/** A step of the installation, or the start, failed. Its message holds the output. */
export class DeploymentError extends Error {
  override readonly name = 'DeploymentError';
  readonly code = 'DEPLOYMENT';
}

/** Builds the sources as they are and installs the result. Takes seconds. @throws {DeploymentError} */
export async function installDeployable(): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), 'territory-sync-deployed-'));
  const [source, app] = [join(folder, 'source'), join(folder, 'app')];
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await mkdir(source);
    for (const name of SOURCES) await cp(join(root, name), join(source, name), { recursive: true });
    await symlink(join(root, 'node_modules'), join(source, 'node_modules'), 'junction');
    await run(process.execPath, ['scripts/build.mjs'], source);
    await cp(join(source, 'gen'), app, { recursive: true });
    const npm = process.env['npm_execpath'];
    const install = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
    await (npm ? run(process.execPath, [npm, ...install], app) : run('npm', install, app));
    return { folder: app, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * Starts the service and resolves once its log says that it runs; it may still be connecting.
 * @param command as in the descriptor
 * @param env all of its environment besides PATH; `PORT` may be 0
 * @throws {DeploymentError} with its output where it ends before
 */
export async function startDeployed(
  folder: string,
  command: string,
  env: Readonly<Record<string, string>>,
): Promise<DeployedService> {
  const shell = spawn('bash', ['-c', command], {
    cwd: folder,
    env: { PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, so that nothing of it is left behind.
    detached: true,
  });
  const lines: string[] = [];
  const exited = new Promise<number>((resolve) => {
    shell.once('exit', (code, signal) => resolve(code ?? (signal ? -1 : 0)));
  });
  const listening = new Promise<number>((resolve) => {
    for (const input of [shell.stdout, shell.stderr]) {
      createInterface({ input }).on('line', (line) => {
        lines.push(line);
        if (lines.length > OUTPUT_LINES) lines.shift();
        const port = portIn(line);
        if (port !== undefined) resolve(port);
      });
    }
  });
  const port = await Promise.race([listening, exited.then(() => undefined)]);
  if (port === undefined)
    throw new DeploymentError(`The service ended before it was running:\n${lines.join('\n')}`);
  return {
    url: `http://127.0.0.1:${port}`,
    output: () => lines.join('\n'),
    stop() {
      shell.kill('SIGTERM');
      return exited;
    },
    async kill() {
      if (shell.pid !== undefined) endGroup(shell.pid);
      await exited;
    },
  };
}

/** SIGKILL to every process of the group, also where the one that led it is gone. */
function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    const gone = error instanceof Error && 'code' in error && error.code === 'ESRCH';
    if (!gone) throw error;
  }
}

/** The port, if the line is the one that says that the service runs: deployed, it logs one JSON object a line. */
function portIn(line: string): number | undefined {
  if (!line.includes('territory-sync is running')) return undefined;
  const { port } = JSON.parse(line) as { readonly port?: unknown };
  return Number(port);
}

function run(command: string, args: readonly string[], folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: folder,
      env: { ...process.env, PATH },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: STEP_LIMIT_MS,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output = (output + chunk).slice(-20_000);
      });
    }
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new DeploymentError(`${command} ${args.join(' ')} ended with ${code}:\n${output}`));
    });
  });
}
