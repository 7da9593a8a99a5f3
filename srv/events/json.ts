/**
 * Bytes to JSON, strictly. JSON.parse is the parser: it works without recursion, so 20,000 levels cost nothing, and it
 * keeps `__proto__` as a member like any other. Of a name given twice the last one counts, as in most parsers (RFC 8259
 * leaves it open). Integers beyond 2^53 come out rounded, but never to one below it: a check of the number itself finds
 * them all. Decimals are the nearest double, as everywhere in JSON.
 */
import { InvalidEvent } from './invalid-event.ts';
import { LIMITS } from './limits.ts';

/**
 * The JSON value in `bytes`: UTF-8, with or without a byte order mark. A JSON string that holds JSON is opened once, since
 * a JMS text message arrives as an AMQP string value.
 *
 * @param what names the bytes in messages, for example `The body`
 * @throws InvalidEvent
 */
export function decodeJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > LIMITS.payloadBytes) {
    throw new InvalidEvent(
      `${what} has ${bytes.length} bytes, at most ${LIMITS.payloadBytes} are allowed.`,
      'Split the change into several events, each with its own id and fewer assignments, and publish those in order.',
      'TOO_LARGE',
    );
  }
  const value = parse(decodeUtf8(bytes, what), what);
  return typeof value === 'string' ? parse(value, what) : value;
}

/**
 * The bytes of standard base64 (RFC 4648 section 4, padded).
 * @throws InvalidEvent
 */
export function decodeBase64(text: unknown, what: string): Buffer {
  // Buffer.from passes over what is not base64; a wrong character must not turn into other data.
  if (typeof text !== 'string' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new InvalidEvent(`${what} is not a base64 string (RFC 4648 section 4, with padding).`);
  }
  return Buffer.from(text, 'base64');
}

/** True for a JSON object: not null, not an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new InvalidEvent(`${what} is not UTF-8. Send JSON in UTF-8.`);
  }
}

function parse(text: string, what: string): unknown {
  if (text.trim() === '') throw new InvalidEvent(`${what} is empty. Send the change as JSON.`);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new InvalidEvent(`${what} is not JSON${placeOf(error)}.`);
  }
}

/** The parser's message quotes the text; only the place it ends with is taken, where there is one. */
function placeOf(error: unknown): string {
  const place =
    error instanceof Error ? /at position (\d+)(?: \([^)]*\))?$/.exec(error.message)?.[1] : undefined;
  return place === undefined ? '' : ` (at character ${place})`;
}
