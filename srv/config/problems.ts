/** What is wrong with the configuration: all of it at once, one line each, so that one look repairs it. */

/** Exit code of the service when its settings or bindings are wrong. */
export const EXIT_MISCONFIGURED = 2;

/** Settings, bindings or the environment cannot be used as they are. No line holds a secret. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly code = 'CONFIGURATION';
  /** One line each: what, why, what to do. Never empty. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join(' | '), options);
    this.problems = problems;
  }
}

/**
 * A value as a message may show it: at most 80 characters on one line, and without the user and password that
 * somebody may have pasted with a URL.
 */
export function shown(value: string): string {
  const line = value.replaceAll(/\p{Cc}+/gu, ' ').replaceAll(/\/\/[^/\s]*@/g, '//…@');
  return `"${line.length > 80 ? `${line.slice(0, 80)}…` : line}"`;
}
