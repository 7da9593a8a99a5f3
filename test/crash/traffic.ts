/** What the upstream system publishes, and what it hears: never more than so many changes under way. */
import { sleep, systemClock } from '../../srv/platform/clock.ts';
import type { DemoSystem } from '../demo/system.ts';
import type { PublishedChange } from '../system/published-change.ts';
import type { Load } from './load.ts';

const LOOK_EVERY_MS = 10;

export interface Traffic {
  readonly published: readonly PublishedChange[];
  /** Changes published that have no outcome yet. */
  underWay(): number;
  ended(): number;
  /** Publishes as long as `mayPublish` says so, then resolves; asks again whenever something may have changed. */
  run(mayPublish: () => 'yes' | 'wait' | 'over'): Promise<void>;
  publish(count: number): Promise<void>;
  /** @throws Error naming how many have no outcome by then */
  untilAllEnded(timeoutMs: number): Promise<void>;
}

export function createTraffic(system: DemoSystem, load: Load): Traffic {
  const published: PublishedChange[] = [];
  const endedIds = new Set<string>();
  let read = 0;
  const ended = (): number => {
    const outcomes = system.outcomes();
    for (; read < outcomes.length; read += 1) endedIds.add(outcomes[read]?.data.change.id ?? '');
    return endedIds.size;
  };
  const publishOne = async (): Promise<void> => {
    const change = load.next();
    published.push(change);
    await system.publish(change);
  };
  const underWay = (): number => published.length - ended();
  return {
    published,
    underWay,
    ended,
    async run(mayPublish) {
      for (let now = mayPublish(); now !== 'over'; now = mayPublish()) {
        if (now === 'yes') await publishOne();
        else await sleep(systemClock, LOOK_EVERY_MS);
      }
    },
    async publish(count) {
      for (let n = 0; n < count; n += 1) await publishOne();
    },
    async untilAllEnded(timeoutMs) {
      const endsAtMs = systemClock.monotonicMs() + timeoutMs;
      while (underWay() > 0) {
        if (systemClock.monotonicMs() > endsAtMs) {
          throw new Error(
            `${underWay()} of ${published.length} changes have no outcome after ${timeoutMs} ms`,
          );
        }
        await sleep(systemClock, LOOK_EVERY_MS);
      }
    },
  };
}
