/** The library tears the connection down when a callback throws, so nothing that is thrown here may get back to it. */
import type { Log } from '../platform/log.ts';

/** `action`, with what it throws logged as a defect instead of thrown. */
export function contained<A extends readonly unknown[]>(
  log: Log,
  what: string,
  action: (...args: A) => void,
): (...args: A) => void {
  return (...args) => {
    try {
      action(...args);
    } catch (error) {
      log.error(`${what} threw; the connection is kept`, {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  };
}
