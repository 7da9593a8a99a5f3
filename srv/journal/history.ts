/** How much of a change's history a journal keeps, and how an operator reads it. */
import type { HistoryStep } from './port.ts';
import type { TrailStep } from './operated.ts';

/** Steps kept per change: the first and the last ones tell most. */
const HISTORY_LIMIT = 60;

/** Keeps the first third and the latest steps, so that both the start and the end of a long story stay. */
export function boundedHistory<Step>(steps: readonly Step[]): readonly Step[] {
  if (steps.length <= HISTORY_LIMIT) return steps;
  const head = Math.floor(HISTORY_LIMIT / 3);
  return [...steps.slice(0, head), ...steps.slice(steps.length - (HISTORY_LIMIT - head))];
}

/** A step of a change's history; a trail has one word for whatever became of a request. */
export function trailStep({ at, step, assignment, detail }: HistoryStep): TrailStep {
  switch (step) {
    case 'refused':
      return { at, step: 'sent', assignment, detail: `refused: ${detail ?? 'for its content'}` };
    case 'in-doubt':
      return { at, step: 'sent', assignment, detail: `in doubt: ${detail ?? 'no answer'}` };
    case 'sent':
    case 'conflict':
    case 'applied':
    case 'waiting':
    case 'replayed':
      return { at, step, assignment, detail };
  }
}
