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

/** More than any batch has requests; further ones are not read. */
const PARTS_LIMIT = 10_000;

/** Of headers longer than this the rest is passed over. */
const HEAD_LIMIT = 65_536;

/** A line that can be one: 200 characters and blanks behind them are looked at, each once. */
const FIRST_DELIMITER = /(?:^|\n)--([^\r\n]{0,199}\S)[ \t]*\r?\n/;

/** The parts in their order; undefined where the body has no delimiter. `contentType` names the boundary, else the body's first one does. */
export function parseMultipart(contentType: string | undefined, body: string): readonly Part[] | undefined {
  const boundary = boundaryOf(contentType) ?? FIRST_DELIMITER.exec(body)?.[1];
  if (boundary === undefined) return undefined;
  const literal = boundary.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = new RegExp(`(?:^|\\r?\\n)--${literal}(--)?[ \\t]*(?=\\r?\\n|$)`, 'g');
  const parts: Part[] = [];
  let begun: number | undefined;
  for (const { 0: delimiter, 1: closing, index: at } of body.matchAll(pattern)) {
    if (begun !== undefined) parts.push({ ...parseHead(body.slice(begun, at)), complete: true });
    // What follows the closing delimiter is an epilogue.
    if (closing !== undefined || parts.length === PARTS_LIMIT) return parts;
    begun = at + delimiter.length;
  }
  if (begun === undefined) return undefined;
  return [...parts, { ...parseHead(body.slice(begun)), complete: false }];
}

/** Header lines up to the first empty line, and what follows it. A text that begins with an empty line has no headers. */
export function parseHead(text: string): Pick<Part, 'headers' | 'body'> {
  const rest = text.replace(/^\r?\n/, '');
  const blank = /(?:^|\r?\n)\r?\n/.exec(rest);
  const head = rest.slice(0, Math.min(blank?.index ?? rest.length, HEAD_LIMIT));
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
