/**
 * Addresses, names and topic patterns as SAP Event Mesh writes them: `queue:<name>`, `topic:<name>`; in a pattern
 * `+` stands for one whole segment, a trailing `*` for the rest of the tree (at least one segment).
 */

export type Address =
  | { readonly kind: 'queue' | 'topic'; readonly name: string }
  /** No address: every message names its own. */
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'unknown'; readonly text: string };

const SEGMENT = /^[A-Za-z0-9_.-]+$/;
const MAX_TOPIC_CHARS = 150;
const MAX_QUEUE_CHARS = 164;
const MAX_SEGMENTS = 20;

/** Reads the address of a source, a target or a message's `to`. */
export function parseAddress(address: string | null | undefined): Address {
  if (address === null || address === undefined || address === '') return { kind: 'anonymous' };
  for (const kind of ['queue', 'topic'] as const) {
    const prefix = `${kind}:`;
    if (address.startsWith(prefix) && address.length > prefix.length) {
      return { kind, name: address.slice(prefix.length) };
    }
  }
  return { kind: 'unknown', text: address };
}

/** Why `topic` is no topic to publish to, or undefined if it is one. */
export function topicProblem(topic: string): string | undefined {
  return pathProblem(topic, (segment) => SEGMENT.test(segment));
}

/** Why `pattern` is no subscription pattern, or undefined if it is one. */
export function patternProblem(pattern: string): string | undefined {
  return pathProblem(
    pattern,
    (segment, last) => segment === '+' || (segment === '*' && last === 'last') || SEGMENT.test(segment),
  );
}

/** Why `name` is no queue name, or undefined if it is one. */
export function queueNameProblem(name: string): string | undefined {
  if (name.length > MAX_QUEUE_CHARS) return `is longer than ${MAX_QUEUE_CHARS} characters`;
  return name.split('/').every((segment) => SEGMENT.test(segment))
    ? undefined
    : 'has an empty segment or a character outside A-Z a-z 0-9 _ . -';
}

/** Whether a message published to `topic` reaches a subscription to `pattern`. Both must be well formed. */
export function matches(pattern: string, topic: string): boolean {
  const wanted = pattern.split('/');
  const given = topic.split('/');
  for (const [index, segment] of wanted.entries()) {
    if (segment === '*' && index === wanted.length - 1) return given.length >= wanted.length;
    if (index >= given.length) return false;
    if (segment !== '+' && segment !== given[index]) return false;
  }
  return given.length === wanted.length;
}

type Position = 'inner' | 'last';

function pathProblem(
  path: string,
  allowed: (segment: string, position: Position) => boolean,
): string | undefined {
  if (path.length > MAX_TOPIC_CHARS) return `is longer than ${MAX_TOPIC_CHARS} characters`;
  const segments = path.split('/');
  if (segments.length > MAX_SEGMENTS) return `has more than ${MAX_SEGMENTS} segments`;
  const wrong = segments.find((s, i) => !allowed(s, i === segments.length - 1 ? 'last' : 'inner'));
  if (wrong === undefined) return undefined;
  return wrong === '' ? 'has an empty segment' : 'has a segment with a character that is not allowed there';
}
