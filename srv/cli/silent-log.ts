/** The parts of the service log while they work; on the command line what matters of it comes back as results. */
import type { Log } from '../platform/log.ts';

const nothing = (): void => undefined;

export const silentLog: Log = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLog,
};
