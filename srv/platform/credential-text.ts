/** Texts out of a binding's credentials, whose shape nobody guarantees: environment files and user-provided services differ. */

/** A text that is not empty, without blanks around it; undefined for anything else. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

/** As `textOf`; a number, as ports are given, counts as its digits. */
export function textOrNumberOf(value: unknown): string | undefined {
  return typeof value === 'number' ? String(value) : textOf(value);
}

/** A certificate or key; environment files often hold its line breaks as the two characters `\n`. */
export function pemOf(value: unknown): string | undefined {
  return textOf(value)?.replaceAll(String.raw`\n`, '\n');
}

/** A part of a URI, without its escapes. A percent sign that begins none stands for itself. */
export function decodedPart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
