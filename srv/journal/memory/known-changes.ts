/**
 * Which changes are known, for telling duplicates: all that the mesh may still deliver again, and as many of the
 * released ones as the limit allows, the latest first.
 */
import type { Entry } from './entry.ts';

export class KnownChanges {
  private readonly unreleased = new Map<string, Entry>();
  /** Receipt → digest, in the order of release. */
  private readonly released = new Map<string, string>();
  private readonly limit: number;

  /** @param limit how many released changes are remembered */
  constructor(limit: number) {
    this.limit = limit;
  }

  add(entry: Entry): void {
    this.unreleased.set(entry.receipt, entry);
  }

  /** What is known under this receipt: the digest, and whether its deliveries are still awaited. */
  find(receipt: string): { readonly digest: string; readonly released: boolean } | undefined {
    const entry = this.unreleased.get(receipt);
    if (entry) return { digest: entry.digest, released: false };
    const digest = this.released.get(receipt);
    return digest === undefined ? undefined : { digest, released: true };
  }

  /** Dropped without a trace: the mesh delivers it again. */
  drop(entry: Entry): void {
    this.unreleased.delete(entry.receipt);
  }

  release(entry: Entry): void {
    this.unreleased.delete(entry.receipt);
    this.released.set(entry.receipt, entry.digest);
    if (this.released.size > this.limit) {
      const oldest = this.released.keys().next().value;
      if (oldest !== undefined) this.released.delete(oldest);
    }
  }
}
