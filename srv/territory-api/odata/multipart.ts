/**
 * Splits a multipart body (RFC 2046, 5.1) into its parts, as real servers send it: with a preamble, with CRLF or bare LF, with
 * or without Content-Length (which counts bytes here and characters there, so it is not believed), or cut off.
 * The libraries of this field read uploads, or give nothing at all of a body that is cut.
 */

export interface Part {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** False for the last part of a body that ends before the delimiter behind it. */
  readonly complete: boolean;
}

/** The parts in their order; undefined where the body has no delimiter. `contentType` names the boundary, else the body's first one does. */
export function parseMultipart(contentType: string | undefined, body: string): readonly Part[] | undefined {
  const boundary = boundaryOf(contentType) ?? /(?:^|\n)--([^\r\n]{1,200}?)[ \t]*(?:\r?\n)/.exec(body)?.[1];
  if (boundary === undefined) return undefined;
  const literal = boundary.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = new RegExp(`(?:^|\\r?\\n)--${literal}(--)?[ \\t]*(?=\\r?\\n|$)`, 'g');
  const delimiters = [...body.matchAll(pattern)];
  if (delimiters.length === 0) return undefined;
  const parts: Part[] = [];
  for (const [index, { 0: delimiter, 1: closing, index: at }] of delimiters.entries()) {
    // What follows the closing delimiter is an epilogue.
    if (closing !== undefined) break;
    const next = delimiters[index + 1]?.index;
    parts.push({ ...parseHead(body.slice(at + delimiter.length, next)), complete: next !== undefined });
  }
  return parts;
}

/** Header lines up to the first empty line, and what follows it. A text that begins with an empty line has no headers. */
export function parseHead(text: string): Pick<Part, 'headers' | 'body'> {
  const rest = text.replace(/^\r?\n/, '');
  const blank = /(?:^|\r?\n)\r?\n/.exec(rest);
  const head = blank === null ? rest : rest.slice(0, blank.index);
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const line of head.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { headers, body: blank === null ? '' : rest.slice(blank.index + blank[0].length) };
}

function boundaryOf(contentType: string | undefined): string | undefined {
  const named = /;\s*boundary=(?:"([^"\r\n]{1,200})"|([^\s;"]{1,200}))/i.exec(contentType ?? '');
  return named?.[1] ?? named?.[2];
}
