/**
 * Reads a binding's credentials, whose shape nobody guarantees, part by part. What is missing is said with its path
 * in the binding; no message ever quotes a value.
 */
import { pemOf, textOf } from '../platform/credential-text.ts';
import { ConfigurationError } from './problems.ts';

export class CredentialReader {
  readonly #place: string;
  readonly #values: Readonly<Record<string, unknown>>;

  /** @param place where `values` stand, for messages: the binding's name, or `name.part`. */
  constructor(place: string, values: Readonly<Record<string, unknown>>) {
    this.#place = place;
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  /** A text that is not empty, or undefined. */
  text(name: string): string | undefined {
    return textOf(this.#values[name]);
  }

  /** A certificate or key. */
  pem(name: string): string | undefined {
    return pemOf(this.#values[name]);
  }

  /**
   * A URL of one of `schemes` (`https:`).
   * @throws ConfigurationError if it is missing or of another kind
   */
  url(name: string, schemes: readonly string[]): string {
    const value = this.text(name);
    const url = value && URL.canParse(value) ? new URL(value) : undefined;
    if (value && url && url.host && schemes.includes(url.protocol)) return value;
    return this.refuse(
      `${value ? 'has a wrong' : 'has no'} "${name}": it must be a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`,
    );
  }

  /** The texts of a list; one text counts as a list of it. */
  strings(name: string): readonly string[] {
    const value = this.#json(name);
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.filter((one) => typeof one === 'string');
  }

  /** A nested object; an empty one where there is none. */
  part(name: string): CredentialReader {
    return new CredentialReader(`${this.#place}.${name}`, record(this.#json(name)));
  }

  /** The objects of a list. */
  list(name: string): readonly CredentialReader[] {
    const value = this.#json(name);
    const values: readonly unknown[] = Array.isArray(value) ? value : [];
    return values.map((one, index) => new CredentialReader(`${this.#place}.${name}[${index}]`, record(one)));
  }

  /** @param why completes the sentence "The binding `name` …", without a full stop. */
  refuse(why: string): never {
    throw new ConfigurationError([`The binding ${this.#place} ${why}.`]);
  }

  /** On Kubernetes nested values come as files that hold JSON. */
  #json(name: string): unknown {
    const value = this.#values[name];
    if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
