/**
 * Brings the queues into the form that the program relies on, as often as wanted: the dead-letter queue first, then the work queue
 * that names it, then the topics. It creates and changes; the only thing it ever removes is a subscription, and that only when told to.
 */
import type { QueueAdministration, QueueProperties, Requirement, WantedQueue } from './administration.ts';
import { compare, propertiesFor } from './comparison.ts';
import type { QueuePlan } from './plan.ts';
import { ManagementError } from './problem.ts';
import { differenceOf, type QueueReport, type SetupReport, type SubscriptionReport } from './report.ts';

export interface SetupDeps {
  readonly administration: QueueAdministration;
  /** Subscriptions of the work queue that are not in the plan. */
  readonly obsolete: 'keep' | 'remove';
}

/** @throws {ManagementError}; what was done until then stays, the next run goes on from there */
export async function setupQueues(
  plan: QueuePlan,
  { administration, obsolete }: SetupDeps,
): Promise<SetupReport> {
  await administration.ready();
  const deadLetters = await setupQueue(plan.deadLetters, administration);
  const work = await setupQueue(plan.work, administration);
  return {
    product: administration.product,
    queues: [deadLetters, work],
    subscriptions: await setupSubscriptions(plan, administration, obsolete),
  };
}

async function setupQueue(queue: WantedQueue, administration: QueueAdministration): Promise<QueueReport> {
  const requirements = administration.requirements(queue);
  const before = await administration.get(queue.name);
  const missing = before === undefined ? requirements : wrongOrUnseen(requirements, before);
  const nothingToDo = before !== undefined && missing.length === 0;
  const sent = nothingToDo ? [] : await put(queue.name, before ?? {}, missing, administration);
  // What was accepted may still have been ignored: only what is read back counts.
  const after = nothingToDo ? before : await administration.get(queue.name);
  if (after === undefined) {
    throw new ManagementError(
      'MANAGEMENT_WRONG_ANSWER',
      `${administration.product} took queue ${queue.name} and does not show it: check the management URI of the mesh binding`,
    );
  }
  return reportOf(queue.name, { requirements, sent, after, created: before === undefined }, administration);
}

/**
 * What an existing queue gets: what is wrong and can be changed, and what nobody can see, which is sent as it should be lest it is
 * wrong or a PUT without it takes the product's default.
 */
function wrongOrUnseen(requirements: readonly Requirement[], queue: QueueProperties): readonly Requirement[] {
  const { changeable, unseen } = compare(requirements, queue);
  return [...changeable, ...unseen];
}

interface Deeds {
  readonly requirements: readonly Requirement[];
  /** What was accepted. */
  readonly sent: readonly Requirement[];
  /** The queue as read back. */
  readonly after: QueueProperties;
  readonly created: boolean;
}

function reportOf(
  queue: string,
  { requirements, sent, after, created }: Deeds,
  { product, remedy }: QueueAdministration,
): QueueReport {
  const notTaken = `${product} did not take it over; set it by hand where that is possible`;
  const { changeable, fixed, unseen } = compare(requirements, after);
  // Of a property that the product hides only its acceptance is known; that of a new queue is as it was sent.
  const refused = unseen.filter((requirement) => !sent.includes(requirement));
  const hidden = created ? [] : unseen.filter((requirement) => sent.includes(requirement));
  const different = [...fixed, ...changeable, ...refused];
  const unsure = [...different, ...hidden];
  const set = propertiesFor(sent.filter((requirement) => !unsure.includes(requirement)));
  return {
    queue,
    action: created ? 'created' : Object.keys(set).length > 0 ? 'changed' : 'unchanged',
    set,
    differences: different.map((requirement) =>
      differenceOf(requirement, after, requirement.change === 'in-place' ? notTaken : remedy),
    ),
    unseen: hidden.map(({ property }) => property),
  };
}

/**
 * Sends the properties; products differ in which ones they know, so those that are refused and not essential are left out.
 * With the new ones go those that the queue has, in case the product takes what is missing for its default.
 * @returns what was sent in the end
 */
async function put(
  queue: string,
  current: QueueProperties,
  requirements: readonly Requirement[],
  administration: QueueAdministration,
): Promise<readonly Requirement[]> {
  let left = requirements;
  for (;;) {
    try {
      if (left.length > 0) await administration.put(queue, { ...current, ...propertiesFor(left) });
      return left;
    } catch (error) {
      const refused = refusedBy(error, left);
      if (refused.length === 0) throw error;
      left = left.filter((requirement) => !refused.includes(requirement));
    }
  }
}

/** Which of the properties to go on without; none where that does not help. */
function refusedBy(error: unknown, sent: readonly Requirement[]): readonly Requirement[] {
  if (!(error instanceof ManagementError) || error.code !== 'MANAGEMENT_REFUSED') return [];
  const words = new Set(error.said.match(/[\w-]+/g));
  const named = sent.filter(({ property }) => words.has(property));
  if (named.some(({ weight }) => weight === 'essential')) return [];
  return named.length > 0 ? named : sent.filter(({ weight }) => weight === 'wanted');
}

async function setupSubscriptions(
  { work, subscriptions }: QueuePlan,
  administration: QueueAdministration,
  obsolete: SetupDeps['obsolete'],
): Promise<readonly SubscriptionReport[]> {
  const queue = work.name;
  const existing = new Set(await administration.subscriptions(queue));
  const wanted = new Set(subscriptions.map((topic) => administration.pattern(topic)));
  const reports: SubscriptionReport[] = [];
  for (const pattern of wanted) {
    const present = existing.has(pattern);
    if (!present) await administration.addSubscription(queue, pattern);
    reports.push({ queue, pattern, action: present ? 'present' : 'added' });
  }
  for (const pattern of existing) {
    if (wanted.has(pattern)) continue;
    if (obsolete === 'remove') await administration.removeSubscription(queue, pattern);
    reports.push({ queue, pattern, action: obsolete === 'remove' ? 'removed' : 'obsolete' });
  }
  return reports;
}
