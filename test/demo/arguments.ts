/** What `npm run demo -- …` understands. */
import { parseArgs } from 'node:util';

/** A RabbitMQ that stands in for the embedded mesh. */
export interface RabbitMqAddress {
  /** `amqp://user:password@host:5672` */
  readonly uri: string;
  /** `http://host:15672`; user and password of `uri` unless it has its own. */
  readonly management: string;
}

export interface DemoOptions {
  /** `leave-running`: until Ctrl-C. */
  readonly atEnd: 'exit' | 'leave-running';
  /** Everything that looks like chance follows from it. */
  readonly seed: number;
  /** Undefined: the embedded mesh. */
  readonly rabbitMq: RabbitMqAddress | undefined;
}

/** Wrong use: one line that says what is allowed. */
export class UsageError extends Error {
  readonly code = 'USAGE';
}

const USAGE = 'npm run demo -- [--exit] [--seed N] [--mesh URI --management URL]';
const SEED_MAX = 2 ** 32 - 1;
const DEFAULT_SEED = 1;

/** @throws {UsageError} */
export function parseArguments(args: readonly string[]): DemoOptions {
  const { exit, seed, mesh, management } = read(args);
  return {
    atEnd: exit ? 'exit' : 'leave-running',
    seed: seed === undefined ? DEFAULT_SEED : seedOf(seed),
    rabbitMq: rabbitMqOf(mesh, management),
  };
}

function read(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        exit: { type: 'boolean', default: false },
        seed: { type: 'string' },
        mesh: { type: 'string' },
        management: { type: 'string' },
      },
    });
    return values;
  } catch (cause) {
    // Node's message runs on with advice of its own, in part over several lines.
    const [what = 'an argument is wrong'] = (cause as Error).message.split(/\.\s|\n/);
    throw wrong(what, { cause });
  }
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (!/^\d{1,10}$/.test(text) || seed > SEED_MAX) throw wrong(`--seed takes a number from 0 to ${SEED_MAX}`);
  return seed;
}

function rabbitMqOf(mesh: string | undefined, management: string | undefined): RabbitMqAddress | undefined {
  if (mesh === undefined && management === undefined) return undefined;
  if (mesh === undefined || management === undefined) throw wrong('--mesh and --management go together');
  // Neither value is shown: both may hold a password.
  if (!isUrl(mesh, ['amqp:', 'amqps:'])) throw wrong('--mesh takes amqp://user:password@host:5672');
  if (!isUrl(management, ['http:', 'https:'])) throw wrong('--management takes http://host:15672');
  return { uri: mesh, management };
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  const url = URL.parse(text);
  return url !== null && protocols.includes(url.protocol) && url.hostname !== '';
}

function wrong(what: string, options?: ErrorOptions): UsageError {
  return new UsageError(`${what}; use: ${USAGE}`, options);
}
