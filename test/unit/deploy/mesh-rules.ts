/**
 * The rules of an Event Mesh service descriptor, as far as they can be checked without a broker: `+` stands for one whole
 * segment, a trailing `*` for the rest of the tree (at least one segment), `${namespace}` for the client's own.
 */
import { z } from 'zod';

const filter = z
  .string()
  // As documented, and the `+` and digits that SAP's own examples and namespaces have.
  .regex(
    /^(?:\$\{namespace\}|\+|[A-Za-z0-9]+)(?:\/(?:\+|[A-Za-z0-9]+))*(?:\/\*)?$/,
    'must be segments, + and a last *',
  );
const rule = z.strictObject({ publishFilter: z.array(filter), subscribeFilter: z.array(filter) });

/** What the service plan `default` accepts. */
export const meshDescriptor = z.strictObject({
  emname: z.string().regex(/^[A-Za-z0-9_-]{1,100}$/),
  version: z.literal('1.1.0'),
  namespace: z
    .string()
    .max(24)
    .regex(/^[A-Za-z0-9]+\/[A-Za-z0-9]+\/[A-Za-z0-9]+$/),
  options: z.strictObject({ management: z.boolean(), messagingrest: z.boolean(), messaging: z.boolean() }),
  rules: z.strictObject({ topicRules: rule, queueRules: rule }),
});

/** Whether the filters allow `name`: a queue, a topic, or every topic that a subscription's pattern stands for. */
export function allows(filters: readonly string[], namespace: string, name: string): boolean {
  return filters.some((one) => covers(one.replaceAll('${namespace}', namespace).split('/'), name.split('/')));
}

function covers(filterSegments: readonly string[], segments: readonly string[]): boolean {
  const [allowed, ...restAllowed] = filterSegments;
  const [segment, ...rest] = segments;
  if (allowed === undefined || segment === undefined) return allowed === segment;
  if (allowed === '*' && restAllowed.length === 0) return true;
  if (segment === '*') return false;
  return (allowed === '+' || allowed === segment) && covers(restAllowed, rest);
}
