/**
 * Which changes are known, for telling duplicates: all that the mesh may still deliver again, and as many of the
 * released ones as the limit allows, the latest first.
 */
import type { Entry } from './entry.ts';

export class KnownChanges {
  private readonly unreleased = new Map<string, Entry>();
  /** Receipt → digest, in the order of release. */
  private readonly released = new Map<string, string>();
  /** How many unreadable payloads are known under a source and id. */
  private readonly unreadable = new Map<string, number>();
  private readonly limit: number;

  /** @param limit how many released changes are remembered */
  constructor(limit: number) {
    this.limit = limit;
  }

  add(entry: Entry): void {
    this.unreleased.set(entry.receipt, entry);
    this.count(entry.receipt, entry.digest, 1);
  }

  /** What is known under this receipt: the digest, and whether its deliveries are still awaited. */
  find(receipt: string): { readonly digest: string; readonly released: boolean } | undefined {
    const entry = this.unreleased.get(receipt);
    if (entry) return { digest: entry.digest, released: false };
    const digest = this.released.get(receipt);
    return digest === undefined ? undefined : { digest, released: true };
  }

  /** What a lost link brought and a flight still works on is no longer known: delivered again, it runs again in its new place. */
  forgetLost(receipt: string): void {
    const entry = this.unreleased.get(receipt);
    if (entry?.kind === 'change' && entry.lost) this.drop(entry);
  }

  /** Whether anything is known under this source and id (`changeKey`): a change, or something unreadable. */
  hasAny(key: string): boolean {
    return this.find(key) !== undefined || this.unreadable.has(key);
  }

  /** Dropped without a trace: the mesh delivers it again. */
  drop(entry: Entry): void {
    if (this.unreleased.get(entry.receipt) !== entry) return;
    this.unreleased.delete(entry.receipt);
    this.count(entry.receipt, entry.digest, -1);
  }

  release(entry: Entry): void {
    this.unreleased.delete(entry.receipt);
    this.released.set(entry.receipt, entry.digest);
    if (this.released.size > this.limit) {
      const [oldest] = this.released;
      if (oldest === undefined) return;
      this.released.delete(oldest[0]);
      this.count(...oldest, -1);
    }
  }

  /** As after a crash: what comes again may have been begun elsewhere since, and has to run again in its order. */
  forgetReleased(): void {
    for (const [receipt, digest] of this.released) this.count(receipt, digest, -1);
    this.released.clear();
  }

  /** Only the receipt of something unreadable has the digest behind source and id. */
  private count(receipt: string, digest: string, by: 1 | -1): void {
    const tail = ` ${digest}`;
    if (!receipt.endsWith(tail)) return;
    const key = receipt.slice(0, -tail.length);
    const count = (this.unreadable.get(key) ?? 0) + by;
    if (count > 0) this.unreadable.set(key, count);
    else this.unreadable.delete(key);
  }
}
