/** What to look at when a run stands still: asked of everybody who can know, and never failing itself. */
import { readyIn } from '../faults/mesh/rabbitmq-queue.ts';
import type { Stage } from './stage.ts';

const ANSWER_MS = 3000;
const LINES = 12;

/** Lines for a person: the load, the queue, the journal, and of each instance its readiness and its last lines. */
export async function whatGoesOn(stage: Stage): Promise<string> {
  const { traffic, system, postgres } = stage;
  const lanes = `select count(*)::int as lanes, sum(pending)::int as pending, min(not_before - now())::text as first,
    string_agg(distinct owner, ', ') as owners, (select count(*)::int from outbox) as outbox from lanes where pending > 0`;
  const instances = stage.instances().map(async ({ index, process }) => {
    const ready = await told(async () => {
      const answer = await fetch(`${process.url}/health/ready`, { signal: AbortSignal.timeout(ANSWER_MS) });
      return answer.text();
    });
    return `instance ${index}: ${ready}\n${process.output().split('\n').slice(-LINES).join('\n')}`;
  });
  return [
    `published ${traffic.published.length}, under way ${traffic.underWay()}`,
    `ready in the queue: ${await told(() => readyIn(system.queues.work))}`,
    `lanes: ${await told(() => postgres.query(lanes))}`,
    ...(await Promise.all(instances)),
  ].join('\n');
}

async function told(ask: () => Promise<unknown>): Promise<string> {
  try {
    const answer = await ask();
    return typeof answer === 'string' ? answer : JSON.stringify(answer);
  } catch (error) {
    return String(error);
  }
}
