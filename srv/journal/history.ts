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

/** A step of a change's history or trail; a trail has one word for whatever became of a request. */
export function trailStep({ at, step, assignment, detail }: HistoryStep | TrailStep): TrailStep {
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
    case 'received':
    case 'appended':
    case 'claimed':
    case 'intent':
    case 'published':
    case 'dead-letter':
    case 'discarded':
    // What only a newer version writes down is shown as it is.
    default:
      return { at, step, assignment, detail };
  }
}

const OF_A_FLIGHT: readonly string[] = [
  'sent',
  'conflict',
  'refused',
  'in-doubt',
  'applied',
  'waiting',
  'replayed',
] satisfies readonly HistoryStep['step'][];

/** Of a whole trail, the steps that a flight has written down and a later one is given. */
export function historyIn(trail: readonly (HistoryStep | TrailStep)[]): readonly HistoryStep[] {
  return trail.filter((made): made is HistoryStep => OF_A_FLIGHT.includes(made.step));
}
