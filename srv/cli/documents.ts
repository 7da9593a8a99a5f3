/** The JSON documents in a file: one, an array of them, or one a line. Pure. */
import { CommandFailure, EXIT_WRONG_USE } from './terminal.ts';

export interface Document {
  /** For messages: `line 3`, `element 2`, `the document`. */
  readonly place: string;
  readonly value: unknown;
}

/**
 * @param name of the file, for messages
 * @throws {CommandFailure} where it is neither; without the parser's words, since they quote the text
 */
export function readDocuments(text: string, name: string): readonly Document[] {
  const whole = parse(text);
  if (whole !== undefined) {
    if (!Array.isArray(whole.value)) return [{ place: 'the document', value: whole.value }];
    return notEmpty(
      whole.value.map((value: unknown, index) => ({ place: `element ${index + 1}`, value })),
      name,
    );
  }
  const documents: Document[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const place = `line ${index + 1}`;
    const parsed = parse(line);
    if (parsed === undefined) {
      throw new CommandFailure(
        `${name} is neither JSON nor one JSON document a line: ${place} cannot be read; correct it`,
        EXIT_WRONG_USE,
      );
    }
    documents.push({ place, value: parsed.value });
  }
  return notEmpty(documents, name);
}

function notEmpty(documents: readonly Document[], name: string): readonly Document[] {
  if (documents.length > 0) return documents;
  throw new CommandFailure(`${name} holds no document: give it at least one change`, EXIT_WRONG_USE);
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}
