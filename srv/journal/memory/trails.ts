/**
 * What happened to each event, for whoever looks it up: of those that are pending, and of the latest that have ended.
 * Gone with the process.
 */
import { changeKey, type ChangeRef } from '../../events/change.ts';
import type { OutcomeKind } from '../../events/outcome.ts';
import type { TrailStep } from '../port.ts';
import { boundedHistory } from '../history.ts';

export interface Trail {
  readonly ref: ChangeRef;
  readonly territoryId: string | undefined;
  position: number | undefined;
  decision: number;
  outcome: OutcomeKind | undefined;
  ended: boolean;
  steps: readonly TrailStep[];
}

export type TrailStart = Pick<Trail, 'ref' | 'territoryId' | 'position' | 'decision'>;

export class Trails {
  private readonly limit: number;
  /** Event id → source → trail. */
  private readonly byId = new Map<string, Map<string, Trail>>();
  /** Those that have ended, in the order in which they did. */
  private readonly ended = new Map<string, Trail>();

  /** @param limit ended ones that are remembered */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** A run begins; a replay goes on with the trail of the run before. */
  begin({ ref, territoryId, position, decision }: TrailStart, steps: readonly TrailStep[]): void {
    const known = this.trailOf(ref);
    const trail = known ?? {
      ref,
      territoryId,
      position,
      decision,
      outcome: undefined,
      ended: false,
      steps: [],
    };
    trail.position = position ?? trail.position;
    trail.decision = decision;
    trail.outcome = undefined;
    trail.ended = false;
    this.ended.delete(changeKey(ref));
    if (!known) {
      const sources = this.byId.get(ref.id) ?? new Map<string, Trail>();
      this.byId.set(ref.id, sources.set(ref.source, trail));
    }
    this.add(ref, steps);
  }

  add(ref: ChangeRef, steps: readonly TrailStep[]): void {
    const trail = this.trailOf(ref);
    if (trail) trail.steps = boundedHistory([...trail.steps, ...steps]);
  }

  /** The run has ended. */
  end(ref: ChangeRef, outcome: OutcomeKind, steps: readonly TrailStep[] = []): void {
    const trail = this.trailOf(ref);
    if (!trail) return;
    this.add(ref, steps);
    trail.outcome = outcome;
    trail.ended = true;
    this.ended.set(changeKey(ref), trail);
    if (this.ended.size <= this.limit) return;
    const [oldest] = this.ended.values();
    if (oldest) this.forget(oldest.ref);
  }

  forget(ref: ChangeRef): void {
    this.ended.delete(changeKey(ref));
    const sources = this.byId.get(ref.id);
    sources?.delete(ref.source);
    if (sources?.size === 0) this.byId.delete(ref.id);
  }

  has(ref: ChangeRef): boolean {
    return this.trailOf(ref) !== undefined;
  }

  /** Those with this id, of one source or of all. */
  find(id: string, source?: string): readonly Trail[] {
    const trails = [...(this.byId.get(id)?.values() ?? [])];
    return source === undefined ? trails : trails.filter(({ ref }) => ref.source === source);
  }

  private trailOf({ id, source }: ChangeRef): Trail | undefined {
    return this.byId.get(id)?.get(source);
  }
}
