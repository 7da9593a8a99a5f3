/**
 * Which records a dead letter of our own would have deleted. Their source believes them gone, and made anew by what it sent since, so
 * what it saw `before` says nothing of any of their fields. As long as a record is at the version at which its delete was left, or at one
 * that only writes of ours have made of that, nobody else has set any field of it, so nothing unmet is an overlap.
 */
import type { UndeletedRecord } from '../journal/port.ts';

/** Of one lane; beyond it the oldest is forgotten, and an unmet `before` on it is an overlap again. */
const REMEMBERED = 200;
/** As long as a dead letter is kept. */
const REMEMBERED_MS = 90 * 24 * 3_600_000;

export class Undeleted {
  private readonly records: Map<string, UndeletedRecord>;
  private readonly nowMs: number;

  /** @param nowMs epoch milliseconds */
  constructor(known: readonly UndeletedRecord[], nowMs: number) {
    this.records = new Map(known.filter(({ until }) => until > nowMs).map((record) => [record.id, record]));
    this.nowMs = nowMs;
  }

  /** Oldest first. */
  get all(): readonly UndeletedRecord[] {
    return [...this.records.values()];
  }

  /** Nobody else has written the record since, if it is at this version. */
  explains(id: string, etag: string): boolean {
    return this.records.get(id)?.etag === etag;
  }

  /** Its delete became a dead letter while it was at this version. */
  left(id: string, etag: string): void {
    this.records.delete(id);
    this.records.set(id, { id, etag, until: this.nowMs + REMEMBERED_MS });
    const [oldest] = this.records.keys();
    if (this.records.size > REMEMBERED && oldest !== undefined) this.records.delete(oldest);
  }

  /** A write of ours made one version of another; undefined where it is not known which. */
  wrote(id: string, from: string | undefined, to: string | undefined): void {
    const known = this.records.get(id);
    if (!known) return;
    if (to !== undefined && known.etag === from) this.records.set(id, { ...known, etag: to });
    else this.records.delete(id);
  }
}
