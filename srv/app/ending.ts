/**
 * The end of the program, in the order in which others wait for it. At once: lanes that no flight has, and the queue. Then what flights
 * have, as each of them lands; then outcomes. Last what nobody waits for.
 */
import { sleep, type Clock } from '../platform/clock.ts';

export interface Ending {
  readonly clock: Clock;
  /** No flight begins any more. */
  readonly startNoFlight: () => void;
  /** Takes nothing more from the queue; resolves when what came is in the journal and, where that is durable, settled. */
  readonly takeNoMore: () => Promise<void>;
  /**
   * Lets another instance receive while this one still works. Absent where the queue is the record: what is unsettled there is what is
   * being worked on, and nobody else may begin with it.
   */
  readonly handOver: (() => void) | undefined;
  /** What has begun ends, one after the other: flights, and what comes of them. */
  readonly finish: readonly (() => Promise<void> | undefined)[];
  /** Then what all of it stood on goes. */
  readonly close: () => Promise<void>;
}

/** What ends within this time needs no connection of its own to publish on. */
const HAND_OVER_AFTER_MS = 50;

export interface End {
  /** Lets go of what is not begun, and begins to finish the rest; resolves as soon as nothing is held back from others any more. */
  letGo(): Promise<void>;
  /** Lets go, ends what has begun, and closes. */
  stop(): Promise<void>;
}

export function createEnd({ clock, startNoFlight, takeNoMore, handOver, finish, close }: Ending): End {
  let letting: Promise<void> | undefined;
  let finishing: Promise<void> = Promise.resolve();

  const finishAll = async (): Promise<void> => {
    for (const step of finish) await step();
  };
  const begin = async (): Promise<void> => {
    startNoFlight();
    await takeNoMore();
    const finished = new AbortController();
    const steps = finishAll().finally(() => finished.abort());
    finishing = sleep(clock, HAND_OVER_AFTER_MS, finished.signal).then(() => {
      if (!finished.signal.aborted) handOver?.();
      return steps;
    });
    // Whoever stops hears of it.
    finishing.catch(() => undefined);
  };
  const letGo = (): Promise<void> => (letting ??= begin());
  return {
    letGo,
    async stop() {
      await letGo();
      await finishing;
      await close();
    },
  };
}
