/** Writes down what happens to each event, in the words of its trail. */
import type { Clock } from '../../platform/clock.ts';
import type {
  ChangeProgress,
  Discard,
  Ending,
  Intent,
  LaneCompletion,
  TrailStep,
  UnreadableArrival,
} from '../port.ts';
import { trailStep } from '../history.ts';
import type { ChangeEntry, Entry } from './entry.ts';
import type { Lane } from './lane.ts';
import type { Trails } from './trails.ts';

export class TrailWriter {
  private readonly trails: Trails;
  private readonly clock: Clock;
  /** Of a lane's present flight: the positions whose trail tells of its claim. */
  private readonly claims = new WeakMap<Lane, { readonly fence: number; readonly told: Set<number> }>();

  constructor(trails: Trails, clock: Clock) {
    this.trails = trails;
    this.clock = clock;
  }

  appended({ arrival, position }: ChangeEntry): void {
    const { change, replay, receivedAt } = arrival;
    const start = {
      ref: { source: change.source, id: change.id },
      territoryId: change.territoryId,
      position,
      decision: replay?.decision ?? 0,
    };
    const decided = replay?.history.findLast(({ step }) => step === 'replayed');
    const first = replay
      ? { step: 'replayed', ...decided, at: receivedAt }
      : { at: receivedAt, step: 'received' };
    this.trails.begin(start, [first as TrailStep, this.now('appended')]);
  }

  /** An impostor takes nothing from the event whose source and id it has. */
  unreadable({ ref, receivedAt }: UnreadableArrival): void {
    const failed = { ...this.now('dead-letter'), detail: 'cannot be read' };
    if (this.trails.has(ref)) return this.trails.add(ref, [failed]);
    const start = { ref, territoryId: undefined, position: undefined, decision: 0 };
    this.trails.begin(start, [{ at: receivedAt, step: 'received' }]);
    this.trails.end(ref, 'failed', [failed]);
  }

  /** About to be sent; the lane's flight goes on. */
  intents(lane: Lane, intents: readonly Intent[]): void {
    const pending = new Map(lane.pending().map((entry) => [entry.position, entry]));
    for (const { request, covers } of intents) {
      for (const position of new Set(covers.map((covered) => covered.position))) {
        const entry = pending.get(position);
        const intent = { ...this.now('intent'), assignment: request.id };
        if (entry) this.trails.add(entry.ref, [...this.claimed(lane, position), intent]);
      }
    }
  }

  /** A flight comes back; nothing is written of a change that it only carried along. */
  flown(
    { ref, position }: ChangeEntry,
    made: ChangeProgress,
    lane: Lane,
    wait: LaneCompletion['wait'],
  ): void {
    const { attempts, results, history } = made;
    if (attempts === 0 && results.size === 0 && history.length === 0) return;
    const waiting = wait && {
      ...this.now('waiting'),
      detail: `${wait.state}, ${Math.round(wait.delayMs)} ms`,
    };
    this.trails.add(ref, [
      ...this.claimed(lane, position),
      ...history.map(trailStep),
      ...(waiting ? [waiting] : []),
    ]);
  }

  ended({ ref }: ChangeEntry, { outcome, reason }: Ending): void {
    const failed = outcome === 'failed' ? [{ ...this.now('dead-letter'), detail: reason?.code }] : [];
    this.trails.end(ref, outcome, failed);
  }

  published({ ref }: Entry): void {
    this.trails.add(ref, [this.now('published')]);
  }

  discarded({ ref }: Discard): void {
    this.trails.add(ref, [this.now('discarded')]);
  }

  /** It comes again as if it had never been here. */
  dropped({ ref }: ChangeEntry): void {
    this.trails.forget(ref);
  }

  /** Once a flight. */
  private claimed(lane: Lane, position: number): readonly TrailStep[] {
    const known = this.claims.get(lane);
    const flight = known?.fence === lane.fence ? known : { fence: lane.fence, told: new Set<number>() };
    this.claims.set(lane, flight);
    if (flight.told.has(position)) return [];
    flight.told.add(position);
    return [{ at: lane.claimedAt, step: 'claimed' }];
  }

  private now<Step extends TrailStep['step']>(step: Step): { readonly at: number; readonly step: Step } {
    return { at: this.clock.now(), step };
  }
}
