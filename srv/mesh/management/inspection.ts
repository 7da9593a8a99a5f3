/** Looking at the queues without touching them. */
import type { QueueAdministration, WantedQueue } from './administration.ts';
import { compare } from './comparison.ts';
import type { QueuePlan } from './plan.ts';
import { differenceOf, differenceText, unseenLines, type ReportLine } from './report.ts';

/** Whether one receiver at a time gets the queue's messages. */
export type QueueInspection =
  | { readonly kind: 'exclusive' }
  /** `reason`: one line with what to do. */
  | { readonly kind: 'not-exclusive' | 'missing' | 'unknown'; readonly reason: string };

/** What is lost where nobody can tell. */
export const UNCHECKED =
  'if it is not exclusive (RabbitMQ: single active consumer), several instances receive in turn and the order within a territory is lost';

const CREATE_IT = 'create it with "territory-sync mesh setup", or start with MESH_SETUP=true';
const CHANGE_IT = '"territory-sync mesh setup" changes it';

/** @throws {ManagementError} */
export async function inspectQueue(
  queue: string,
  administration: QueueAdministration,
): Promise<QueueInspection> {
  const { exclusive, product, remedy } = administration;
  const properties = await administration.get(queue);
  if (properties === undefined)
    return { kind: 'missing', reason: `queue ${queue} does not exist: ${CREATE_IT}` };
  const is = properties[exclusive.property];
  if (is === exclusive.value) return { kind: 'exclusive' };
  if (is === undefined && exclusive.unshown === 'unknown') {
    return {
      kind: 'unknown',
      reason: `${product} does not show ${exclusive.property} of queue ${queue}: ${UNCHECKED}`,
    };
  }
  return {
    kind: 'not-exclusive',
    reason:
      `queue ${queue}: ${exclusive.property} is ${is ?? 'not set'}, should be ${exclusive.value}, ` +
      `otherwise several instances receive in turn and the order within a territory is lost; ${remedy}`,
  };
}

/**
 * What a set-up would do or complain about; empty where all is as planned.
 * @throws {ManagementError}
 */
export async function examineQueues(
  plan: QueuePlan,
  administration: QueueAdministration,
): Promise<readonly ReportLine[]> {
  await administration.ready();
  const deadLetters = await examineQueue(plan.deadLetters, administration);
  const work = await examineQueue(plan.work, administration);
  // A queue that does not exist has no subscriptions to ask for.
  const subscriptions = work.exists ? await examineSubscriptions(plan, administration) : [];
  return [...deadLetters.lines, ...work.lines, ...subscriptions];
}

async function examineQueue(
  queue: WantedQueue,
  administration: QueueAdministration,
): Promise<{ readonly exists: boolean; readonly lines: readonly ReportLine[] }> {
  const properties = await administration.get(queue.name);
  if (properties === undefined) {
    const text = `queue ${queue.name} does not exist: ${CREATE_IT}`;
    return { exists: false, lines: [{ kind: 'problem', text }] };
  }
  const { changeable, fixed, unseen } = compare(administration.requirements(queue), properties);
  const lines = [...fixed, ...changeable].map((requirement): ReportLine => {
    const todo = changeable.includes(requirement) ? CHANGE_IT : administration.remedy;
    const text = differenceText(queue.name, differenceOf(requirement, properties, todo));
    return { kind: requirement.weight === 'essential' ? 'problem' : 'notice', text };
  });
  const hidden = unseenLines(
    queue.name,
    unseen.map(({ property }) => property),
  );
  return { exists: true, lines: [...lines, ...hidden] };
}

async function examineSubscriptions(
  { work, subscriptions }: QueuePlan,
  administration: QueueAdministration,
): Promise<readonly ReportLine[]> {
  const existing = await administration.subscriptions(work.name);
  return subscriptions
    .map((topic) => administration.pattern(topic))
    .filter((pattern) => !existing.includes(pattern))
    .map((pattern) => ({
      kind: 'problem',
      text: `queue ${work.name} is not subscribed to ${pattern}, so its changes never arrive: add it with "territory-sync mesh setup"`,
    }));
}
