/** Where the command line writes: results to `out`, so that they can be piped, everything else to `err`. */
export interface Terminal {
  /** One line. */
  out(line: string): void;
  /** One line. */
  err(line: string): void;
}

/** Done. */
export const EXIT_DONE = 0;
/** It was tried and did not succeed. */
export const EXIT_FAILED = 1;
/** Wrong use: of the command line, the settings or the bindings. */
export const EXIT_WRONG_USE = 2;

export type ExitCode = typeof EXIT_DONE | typeof EXIT_FAILED | typeof EXIT_WRONG_USE;

/** Ends a command with one line: what, why, what to do. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly code = 'COMMAND_FAILED';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT_FAILED, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
