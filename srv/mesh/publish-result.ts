/** The broker's refusals, judged: which are for good, and what is to be done about them. */
import type { LinkProblem } from './link-session.ts';
import type { OutgoingMessage, PublishResult } from './port.ts';

export function unconfirmed(reason: string): PublishResult {
  return { kind: 'unconfirmed', reason };
}

/** Rejections that tell of the broker's state, not of the message: the same message may be accepted later. */
const passing: ReadonlySet<string> = new Set([
  'amqp:resource-limit-exceeded',
  'amqp:resource-locked',
  'amqp:resource-deleted',
  'amqp:not-found',
  'amqp:internal-error',
  'amqp:illegal-state',
  'amqp:connection:forced',
  'amqp:link:detach-forced',
  'amqp:link:transfer-limit-exceeded',
  'com.microsoft:server-busy',
  'com.microsoft:timeout',
  'com.microsoft:operation-cancelled',
]);

/** The end of a link that means the same for every later attempt. */
export function isLasting(problem: LinkProblem): boolean {
  return problem.condition === 'amqp:not-allowed' || problem.condition === 'amqp:unauthorized-access';
}

/** What a rejection with this problem means for a message to `to`. */
export function refusal(problem: LinkProblem, to: OutgoingMessage['to']): PublishResult {
  const condition = problem.condition ?? 'amqp:rejected';
  if (passing.has(condition)) return unconfirmed(`the broker refused for now: ${problem.text}`);
  return { kind: 'refused', condition, reason: isLasting(problem) ? ruleMissing(problem, to) : problem.text };
}

function ruleMissing(problem: LinkProblem, to: OutgoingMessage['to']): string {
  const rules = to.kind === 'topic' ? 'topicRules' : 'queueRules';
  return `Publishing to ${to.kind} ${to.name} is not allowed: add it to ${rules}.publishFilter of the Event Mesh descriptor and update the service instance (${problem.text})`;
}
