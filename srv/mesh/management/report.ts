/** What a set-up did and found, and the same in lines for people. */
import type { PropertyValue, QueueProperties, Requirement } from './administration.ts';

export interface SetupReport {
  /** For example `RabbitMQ`. */
  readonly product: string;
  /** In the order in which they were set up. */
  readonly queues: readonly QueueReport[];
  readonly subscriptions: readonly SubscriptionReport[];
}

export interface QueueReport {
  readonly queue: string;
  readonly action: 'created' | 'changed' | 'unchanged';
  /** What was set, by this run. */
  readonly set: QueueProperties;
  readonly differences: readonly Difference[];
  /** Properties of an existing queue that the API took and does not show. */
  readonly unseen: readonly string[];
}

/** What is not as it should be and stays so. Null stands for "not set". */
export interface Difference {
  readonly property: string;
  readonly is: PropertyValue | null;
  readonly shouldBe: PropertyValue | null;
  /** `essential`: a guarantee hangs on it. */
  readonly weight: Requirement['weight'];
  /** One sentence: why it matters and what to do. */
  readonly advice: string;
}

export interface SubscriptionReport {
  readonly queue: string;
  /** In the product's form. */
  readonly pattern: string;
  readonly action: 'added' | 'present' | 'obsolete' | 'removed';
}

export interface ReportLine {
  readonly kind: 'done' | 'unchanged' | 'notice' | 'problem';
  readonly text: string;
}

/** No guarantee is broken by what was found. */
export function isSound({ queues }: SetupReport): boolean {
  return queues.every(({ differences }) => differences.every(({ weight }) => weight === 'wanted'));
}

/** @param todo what a person has to do, as part of a sentence */
export function differenceOf(
  { property, value, weight, why }: Requirement,
  queue: QueueProperties,
  todo: string,
): Difference {
  return {
    property,
    is: queue[property] ?? null,
    shouldBe: value ?? null,
    weight,
    advice: `otherwise ${why}; ${todo}`,
  };
}

export function reportLines(report: SetupReport): readonly ReportLine[] {
  return [...report.queues.flatMap(queueLines), ...report.subscriptions.map(subscriptionLine)];
}

export function differenceText(queue: string, { property, is, shouldBe, advice }: Difference): string {
  return `queue ${queue}: ${property} is ${shown(is)}, should be ${shown(shouldBe)}: ${advice}`;
}

function queueLines({ queue, action, set, differences, unseen }: QueueReport): readonly ReportLine[] {
  const values = Object.entries(set).map(([name, value]) => `${name} ${shown(value)}`);
  const how = values.length > 0 ? ` (${values.join(', ')})` : '';
  return [
    { kind: action === 'unchanged' ? 'unchanged' : 'done', text: `queue ${queue}: ${action}${how}` },
    ...differences.map((difference): ReportLine => {
      const kind = difference.weight === 'essential' ? 'problem' : 'notice';
      return { kind, text: differenceText(queue, difference) };
    }),
    ...unseenLines(queue, unseen),
  ];
}

/** @param properties of an existing queue that the API does not show */
export function unseenLines(queue: string, properties: readonly string[]): readonly ReportLine[] {
  if (properties.length === 0) return [];
  return [
    {
      kind: 'notice',
      text: `queue ${queue}: the API does not show ${properties.join(', ')}; make sure of it by hand`,
    },
  ];
}

function subscriptionLine({ queue, pattern, action }: SubscriptionReport): ReportLine {
  const topic = `topic ${pattern} of queue ${queue}`;
  switch (action) {
    case 'added':
    case 'removed':
      return { kind: 'done', text: `${topic}: ${action}` };
    case 'present':
      return { kind: 'unchanged', text: `${topic}: unchanged` };
    case 'obsolete':
      return {
        kind: 'notice',
        text: `${topic}: is not in MESH_SUBSCRIPTIONS and still delivers; "territory-sync mesh setup --prune" removes it`,
      };
  }
}

function shown(value: PropertyValue | null): string {
  return value === null ? 'not set' : value === '' ? '""' : String(value);
}
