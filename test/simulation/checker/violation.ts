/** The first guarantee that a run broke; later ones may be its consequences. */
export interface Violation {
  /** Which guarantee, in a word: a shrinker looks for the same one. */
  readonly rule: string;
  readonly message: string;
}

export class Verdict {
  violation: Violation | undefined;

  /** Takes note of it unless the condition holds. */
  demand(condition: boolean, rule: string, message: () => string): void {
    if (!condition) this.violation ??= { rule, message: message() };
  }
}
