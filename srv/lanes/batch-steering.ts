/** Looks at every bulk write on its way to the API and back, and sets the size of the next flights by it (`batch-size.ts`). */
import type { Clock } from '../platform/clock.ts';
import type { RecordAnswer, TerritoryApi, UnansweredWrite, WriteAnswer } from '../territory-api/port.ts';
import { initialBatch, nextBatch, type BatchRules, type BatchState, type BatchWrite } from './batch-size.ts';

const TOO_LARGE = 413;

export class BatchSteering {
  private readonly rules: BatchRules;
  private readonly clock: Pick<Clock, 'monotonicMs'>;
  private state: BatchState;

  constructor(rules: BatchRules, clock: Pick<Clock, 'monotonicMs'>) {
    this.rules = rules;
    this.clock = clock;
    this.state = initialBatch(rules, clock.monotonicMs());
  }

  /** Records per flight now. */
  get size(): number {
    return this.state.size;
  }

  /** The same API, whose writes are looked at. */
  watch(api: TerritoryApi): TerritoryApi {
    return {
      read: (request, signal) => api.read(request, signal),
      probe: (signal) => api.probe(signal),
      write: async (requests, signal) => {
        const answer = await api.write(requests, signal);
        const seen = whatBecameOf(requests.length, answer, signal);
        if (seen) this.state = nextBatch(this.state, seen, this.rules, this.clock.monotonicMs());
        return answer;
      },
    };
  }
}

/** Undefined where the answer says nothing about the size, as an outage does not, or a time-out that is our own end. */
function whatBecameOf(records: number, answer: WriteAnswer, signal: AbortSignal): BatchWrite | undefined {
  if (answer.kind !== 'answered') {
    return isOversized(answer) && !signal.aborted
      ? { records, conflicts: 0, request: 'oversized' }
      : undefined;
  }
  const answered = answer.records.filter(({ kind }) => kind !== 'missing');
  const conflicts = answered.filter(({ kind }) => kind === 'conflict').length;
  const oversized = answer.records.filter(isOversizedRecord).length;
  // As a protocol that needs several requests for one write has it: those that failed tell their own size.
  if (oversized > 0 && !signal.aborted) return { records: oversized, conflicts: 0, request: 'oversized' };
  return { records: answered.length, conflicts, request: 'answered' };
}

function isOversizedRecord(answer: RecordAnswer): boolean {
  return answer.kind === 'missing' && answer.request !== undefined && isOversized(answer.request);
}

function isOversized(answer: UnansweredWrite): boolean {
  switch (answer.kind) {
    case 'refused-whole':
      return answer.status === TOO_LARGE;
    case 'trouble':
      return answer.trouble.reason === 'timeout';
  }
}
