/** Raw query strings: which characters were encoded matters (a literal comma separates ids, an encoded one is part of one). */
import { badRequest } from './protocol.ts';

/** The still encoded value of a parameter; its name may have come encoded (`%24filter`). Undefined when absent. */
function rawParameter(query: string, name: string): string | undefined {
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    const rawName = equals === -1 ? part : part.slice(0, equals);
    if (decode(rawName) === name) return equals === -1 ? '' : part.slice(equals + 1);
  }
  return undefined;
}

export function parameter(query: string, name: string): string | undefined {
  const raw = rawParameter(query, name);
  return raw === undefined ? undefined : decode(raw);
}

/** Members of a comma list, each decoded after the split. */
export function listParameter(query: string, name: string): readonly string[] | undefined {
  const raw = rawParameter(query, name);
  if (raw === undefined) return undefined;
  return raw
    .split(',')
    .filter((member) => member !== '')
    .map(decode);
}

/** Percent-decoding; a `+` stays a `+`, as in OData servers. */
export function decode(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch (cause) {
    throw badRequest('the URL is not well percent-encoded', { cause });
  }
}

/** A count between 0 and `max`. */
export function countParameter(query: string, name: string, max: number): number | undefined {
  const text = parameter(query, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw badRequest(`${name} must be a number`);
  return Math.min(Number(text), max);
}
