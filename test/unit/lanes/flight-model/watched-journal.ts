/**
 * The memory journal under watch: it keeps what the checker needs to know, lets flights die when they report, and throws
 * where a flight begins what has to wait, or sends a refused request again under its old idempotency key.
 */
import { MemoryJournal } from '../../../../srv/journal/memory/journal.ts';
import type {
  AppendResult,
  Arrival,
  Covered,
  Ending,
  Intent,
  LaneClaim,
  LaneCompletion,
  LaneIntents,
} from '../../../../srv/journal/port.ts';
import { isAmong } from '../../../../srv/lanes/plan.ts';
import type { WriteRequest } from '../../../../srv/territory-api/port.ts';
import { isPoisonous, recordKey } from '../../../doubles/territory-api.ts';

/** The process of a flight is gone before it could complete. */
export class Died extends Error {}

/** When a change came, and when a flight first meant to write any of it; steps of one count. */
interface Passage {
  readonly position: number;
  readonly cameAt: number;
  begunAt: number;
}

export class WatchedJournal extends MemoryJournal {
  readonly endings = new Map<number, Ending[]>();
  /** Idempotency key → what every request under it covers. */
  readonly covers = new Map<string, readonly Covered[]>();
  /** Fences of flights whose process dies before it completes. */
  readonly doomed = new Set<number>();
  /** Stores and completions that came too late to count. */
  fenced = 0;
  /** Writes that carry the effect of several assignments. */
  merged = 0;
  private count = 0;
  private readonly passages = new Map<string, Passage[]>();
  private readonly latest = new Map<string, Intent>();
  private readonly refused = new Set<string>();

  override async append(arrivals: readonly Arrival[]): Promise<readonly AppendResult[]> {
    const results = await super.append(arrivals);
    for (const [index, arrival] of arrivals.entries()) {
      const result = results[index];
      if (arrival.kind !== 'change' || result?.kind !== 'appended') continue;
      this.count += 1;
      const { territoryId } = arrival.change;
      this.passagesOf(territoryId).push({ position: result.position, cameAt: this.count, begunAt: Infinity });
    }
    return results;
  }

  override async storeIntents(lanes: readonly LaneIntents[]): Promise<ReadonlySet<string>> {
    const held = await super.storeIntents(lanes);
    this.countFenced(lanes, held);
    this.count += 1;
    for (const { territoryId, intents } of lanes.filter((lane) => held.has(lane.territoryId))) {
      for (const intent of intents) {
        for (const { position } of intent.covers) this.begin(territoryId, position);
        this.keep(intent);
      }
    }
    return held;
  }

  override async complete(completions: readonly LaneCompletion[]): Promise<ReadonlySet<string>> {
    if (completions.some(({ fence }) => this.doomed.has(fence))) throw new Died();
    const held = await super.complete(completions);
    this.countFenced(completions, held);
    for (const { territoryId, ended, progress } of completions) {
      if (!held.has(territoryId)) continue;
      for (const ending of ended) {
        this.endings.set(ending.position, [...(this.endings.get(ending.position) ?? []), ending]);
      }
      for (const { step, assignment } of progress.flatMap(({ history }) => history)) {
        if (step === 'conflict' || step === 'refused') this.noteRefused(territoryId, assignment ?? '');
      }
    }
    return held;
  }

  /** What came while an earlier change was under way has to wait until that one ended. */
  private begin(territoryId: string, position: number): void {
    const passages = this.passagesOf(territoryId);
    const own = passages.find((passage) => passage.position === position);
    if (!own) throw new Error(`position ${position} was never given to ${territoryId}`);
    const before = passages.find(
      (other) => other.position < position && !this.endings.has(other.position) && other.begunAt < own.cameAt,
    );
    if (before) throw new Error(`change ${position} was begun while ${before.position} was still under way`);
    own.begunAt = Math.min(own.begunAt, this.count);
  }

  private keep(intent: Intent): void {
    const { request, covers } = intent;
    if (this.refused.has(nameOf(intent))) {
      throw new Error(`a refused request was sent again: ${JSON.stringify(request)}`);
    }
    this.latest.set(recordKey(request), intent);
    if (covers.length > 1) this.merged += 1;
    const known = this.covers.get(request.idempotencyKey) ?? covers;
    this.covers.set(
      request.idempotencyKey,
      known.filter((covered) => isAmong(covers, covered)),
    );
  }

  /** A request that is refused as a whole while in doubt is repeated as it was; only poisonous ones are refused so. */
  private noteRefused(territoryId: string, id: string): void {
    const intent = this.latest.get(recordKey({ territoryId, id }));
    if (intent && !this.togetherWith(intent).some(isPoisonous)) this.refused.add(nameOf(intent));
  }

  /** The requests of its transaction. */
  private togetherWith({ request }: Intent): readonly WriteRequest[] {
    const { territoryId, transaction } = request;
    if (transaction === undefined) return [request];
    return [...this.latest.values()]
      .map((other) => other.request)
      .filter((other) => other.territoryId === territoryId && other.transaction === transaction);
  }

  private countFenced(claims: readonly LaneClaim[], held: ReadonlySet<string>): void {
    this.fenced += claims.filter(({ territoryId }) => !held.has(territoryId)).length;
  }

  private passagesOf(territoryId: string): Passage[] {
    const known = this.passages.get(territoryId) ?? [];
    this.passages.set(territoryId, known);
    return known;
  }
}

/** Equal requests of one change share a key, such as two deletes that find the same ETag: what they cover differs. */
function nameOf({ request, covers }: Intent): string {
  return JSON.stringify([request.idempotencyKey, covers]);
}
