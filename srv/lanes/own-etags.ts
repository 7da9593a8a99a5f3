/**
 * Read-your-writes: the ETag that the API told of our own last write serves the record's next write without a read. Its answer decides:
 * a foreign change meanwhile is found by 412, and costs the read that was saved. The ETags travel with the lane, from instance
 * to instance, so the last write of any of them is the last of ours; what is forgotten is read.
 */
import type { KnownEtags } from '../journal/port.ts';
import type { OverlapPolicy } from './rebase.ts';
import type { LanePlan } from './plan.ts';
import type { LaneReport } from './lane-report.ts';

/** Of one lane; beyond it the ETag of the record that was written longest ago is forgotten. */
const KEPT = 200;

/** The longer ago, the likelier that somebody else has changed the record since: a conflict costs more than a read. */
const KEPT_MS = 300_000;

/** `trusted`: serve a write without a read; `ignored`: every record is read first. */
export type OwnEtagRule = 'trusted' | 'ignored';

/** Under `review` a write is compared with what the record shows, so it has to be read. */
export function ownEtagRule(onOverlap: OverlapPolicy): OwnEtagRule {
  return onOverlap === 'review' ? 'ignored' : 'trusted';
}

export class OwnEtags {
  private readonly etags: Map<string, string>;
  private readonly nowMs: number;
  private until: number;

  /** @param nowMs epoch milliseconds */
  constructor(known: KnownEtags | undefined, nowMs: number) {
    const isValid = known !== undefined && known.until > nowMs;
    this.etags = new Map(isValid ? known.etags : []);
    this.nowMs = nowMs;
    this.until = isValid ? known.until : 0;
  }

  get(id: string): string | undefined {
    return this.etags.get(id);
  }

  /** As `LaneMemory` keeps them; undefined where there are none. */
  get all(): KnownEtags | undefined {
    return this.etags.size > 0 ? { until: this.until, etags: this.etags } : undefined;
  }

  wrote(id: string, etag: string): void {
    this.etags.delete(id);
    this.etags.set(id, etag);
    this.until = this.nowMs + KEPT_MS;
    const [oldest] = this.etags.keys();
    if (this.etags.size > KEPT && oldest !== undefined) this.etags.delete(oldest);
  }

  /** The record may have another one by now. */
  forget(id: string): void {
    this.etags.delete(id);
  }
}

/**
 * Record id → ETag of the planned writes that need no read. Not those of a record of which anything is remembered (a conflict, a
 * refusal, doubt), nor of creates, deletes and replays: what is done about these depends on what a read shows.
 */
export function withoutRead(
  { writes, replays }: Pick<LanePlan, 'writes' | 'replays'>,
  report: Pick<LaneReport, 'memoryOf' | 'ownEtagOf'>,
  rule: OwnEtagRule,
): ReadonlyMap<string, string> {
  if (rule === 'ignored' || replays) return new Map();
  return new Map(
    writes.flatMap(({ id, operation }) => {
      const etag = operation === 'update' && !report.memoryOf(id) ? report.ownEtagOf(id) : undefined;
      return etag === undefined ? [] : [[id, etag]];
    }),
  );
}
