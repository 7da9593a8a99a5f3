/**
 * The end of the program, in the order in which others wait for it. At once: lanes that no flight has, and the queue. Then what flights
 * have, as each of them lands; then outcomes. Last what nobody waits for. A step that fails keeps none of the others from being done.
 */
import { sleep, type Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';

/** A part of the end. It may fail: those after it come all the same. */
export type EndingStep = () => Promise<void> | void | undefined;

export interface Ending {
  readonly clock: Clock;
  readonly log: Pick<Log, 'error'>;
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
  readonly finish: readonly EndingStep[];
  /** Then what all of it stood on goes, one after the other. */
  readonly close: readonly EndingStep[];
}

/** What ends within this time needs no connection of its own to publish on. */
const HAND_OVER_AFTER_MS = 50;

export interface End {
  /**
   * Lets go of what is not begun, and begins to finish the rest; resolves as soon as nothing is held back from others any more.
   * @throws what the first step that failed threw, when all of its steps have been done
   */
  letGo(): Promise<void>;
  /** Lets go, ends what has begun, and closes. @throws as `letGo` */
  stop(): Promise<void>;
}

export function createEnd({ clock, log, startNoFlight, takeNoMore, handOver, finish, close }: Ending): End {
  let letting: Promise<void> | undefined;
  let finishing: Promise<void> = Promise.resolve();

  const inTurn = async (steps: readonly EndingStep[]): Promise<void> => {
    const failures: unknown[] = [];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        if (failures.length > 0) log.error('Another step of the end failed as well', { error });
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  const finishAll = async (): Promise<void> => {
    const finished = new AbortController();
    const steps = inTurn(finish).finally(() => finished.abort());
    steps.catch(() => undefined);
    const handOverMeanwhile = async (): Promise<void> => {
      await sleep(clock, HAND_OVER_AFTER_MS, finished.signal);
      if (!finished.signal.aborted) handOver?.();
    };
    await inTurn([handOverMeanwhile, () => steps]);
  };
  const letGo = (): Promise<void> => {
    if (letting) return letting;
    letting = inTurn([startNoFlight, takeNoMore]);
    finishing = letting.then(finishAll, finishAll);
    // Whoever stops hears of it.
    finishing.catch(() => undefined);
    return letting;
  };
  return {
    letGo,
    stop: () => inTurn([letGo, () => finishing, ...close]),
  };
}
