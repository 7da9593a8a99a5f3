/** Topics and the patterns that queues subscribe to. Pure. */

/** Whether a queue with this pattern gets what is published to the topic: `+` is one segment, a trailing `*` the rest. */
export function matches(topic: string, pattern: string): boolean {
  const parts = topic.split('/');
  const wanted = pattern.split('/');
  const open = wanted.at(-1) === '*';
  const fixed = open ? wanted.slice(0, -1) : wanted;
  if (open ? parts.length <= fixed.length : parts.length !== fixed.length) return false;
  return fixed.every((segment, index) => segment === '+' || segment === parts[index]);
}
