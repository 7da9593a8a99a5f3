/**
 * The end of the process. SIGTERM or SIGINT lets the parts stop in order within a time limit; another signal later, or
 * an error that nobody caught, ends it at once. What is then unsettled is delivered again, so ending hard loses
 * nothing, whereas going on after an uncaught error might.
 */
import type { Clock, Timer } from './clock.ts';
import type { Log } from './log.ts';

/** What is used of the process; tests have their own. */
export interface ShutdownHost {
  on(event: string, listener: (...values: unknown[]) => void): unknown;
  off(event: string, listener: (...values: unknown[]) => void): unknown;
  exit(code: number): void;
}

export interface ShutdownOptions {
  /** Time for all stops together, milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Defaults to the running process. */
  readonly host?: ShutdownHost;
}

export interface Shutdown {
  /** Aborted as soon as the end has begun. */
  readonly requested: AbortSignal;
  /**
   * Adds a stop; stops run one after another in the order in which they were added. A stop that fails is logged, the
   * next ones still run, and the exit code is 1.
   * @param name for the log
   */
  onStop(name: string, stop: () => Promise<void>): void;
  /** Begins the end as a signal would. @param reason for the log */
  begin(reason: string): void;
  /** Takes the listeners off the process again. */
  dispose(): void;
}

/** Everything was drained in time. */
const EXIT_DRAINED = 0;
/** Not drained in time, a part failed to stop, or crashed. */
export const EXIT_FAILED = 1;

/**
 * Ctrl-C reaches every process of a terminal, and npm and the launcher pass it on as well: signals so close together
 * are one wish, not impatience.
 */
const SAME_WISH_MS = 1000;

/** Listens for signals and uncaught errors from now on. */
export function createShutdown({ timeoutMs, clock, log, host = process }: ShutdownOptions): Shutdown {
  const stops: { readonly name: string; readonly stop: () => Promise<void> }[] = [];
  const requested = new AbortController();
  let begunAtMs: number | undefined;
  let limit: Timer | undefined;
  let current = 'nothing';
  let ended = false;

  const end = (code: number): void => {
    if (ended) return;
    ended = true;
    limit?.cancel();
    host.exit(code);
  };

  const drain = async (): Promise<void> => {
    let code = EXIT_DRAINED;
    for (const { name, stop } of stops) {
      current = name;
      try {
        await stop();
      } catch (error) {
        code = EXIT_FAILED;
        log.error(`${name} did not stop cleanly`, { error });
      }
      if (ended) return;
    }
    log.info(code === EXIT_DRAINED ? 'stopped: all work is drained' : 'stopped, not everything cleanly');
    end(code);
  };

  const begin = (reason: string): void => {
    if (begunAtMs !== undefined) {
      if (clock.monotonicMs() - begunAtMs < SAME_WISH_MS) return;
      log.error(`${reason} again: ending at once, while ${current} was stopping`);
      return end(EXIT_FAILED);
    }
    begunAtMs = clock.monotonicMs();
    log.info(`${reason}: stopping`, { timeoutMs });
    limit = clock.after(timeoutMs, () => {
      log.error(
        `${current} did not stop within ${timeoutMs} ms: ending without it; SHUTDOWN_TIMEOUT_S sets the time`,
      );
      end(EXIT_FAILED);
    });
    requested.abort();
    drain().catch((error: unknown) => crash('a defect in the shutdown', error));
  };

  const crash = (what: string, error: unknown): void => {
    log.error(`${what}: ending at once`, { error: error instanceof Error ? error : new Error(typeof error) });
    end(EXIT_FAILED);
  };

  const listeners: readonly (readonly [string, (...values: unknown[]) => void])[] = [
    ['SIGTERM', () => begin('SIGTERM')],
    ['SIGINT', () => begin('SIGINT')],
    ['uncaughtException', (error) => crash('an error that nobody caught', error)],
    ['unhandledRejection', (reason) => crash('a rejected promise that nobody handled', reason)],
  ];
  for (const [event, listener] of listeners) host.on(event, listener);

  return {
    requested: requested.signal,
    onStop: (name, stop) => void stops.push({ name, stop }),
    begin,
    dispose() {
      for (const [event, listener] of listeners) host.off(event, listener);
      limit?.cancel();
    },
  };
}
