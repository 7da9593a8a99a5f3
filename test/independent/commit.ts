/** What CAP keeps and what it recorded of its own commits. */

export type Scalar = string | number | boolean | null;
export type Fields = Readonly<Record<string, Scalar>>;

/** A record as CAP gives it; decimals are texts. */
export interface Row extends Fields {
  readonly id: string;
  /** The ETag is this, weak and quoted. */
  readonly version: string;
}

/** One committed write. */
export interface Commit {
  readonly seq: number;
  /** The user whose request it was. */
  readonly writer: string;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  /** The record's key. */
  readonly assignment: string;
  readonly ifMatch: string | null;
  /** The fields in the request's body, without the key. */
  readonly sent: Fields;
  readonly before: Row | null;
  readonly after: Row | null;
}

/** The ETag that CAP tells for this version. */
export function etagOf({ version }: Row): string {
  return `W/"${version}"`;
}

/** Equal as CAP keeps it: a decimal comes back as text with its scale. */
export function sameValue(a: Scalar | undefined, b: Scalar | undefined): boolean {
  return canonical(a) === canonical(b);
}

/** One text for all forms of one value. */
export function canonical(value: Scalar | undefined): string {
  if (value === undefined || value === null) return 'null';
  const text = String(value);
  return /^-?\d+(?:\.\d+)?$/.test(text) ? String(Number(text)) : text;
}
