/** How changes leave the embedded journal: released, so that their deliveries are settled, or dropped, to be delivered again. */
import type { ChangeEntry, Entry } from './entry.ts';
import type { KnownChanges } from './known-changes.ts';
import type { LaneBook } from './lane-book.ts';
import type { Lane } from './lane.ts';
import type { TrailWriter } from './trail-writer.ts';

export interface LeavingOptions {
  readonly book: LaneBook;
  readonly known: KnownChanges;
  readonly write: TrailWriter;
}

export class Leaving {
  private readonly options: LeavingOptions;
  private readonly listeners = new Set<(receipt: string) => void>();

  constructor(options: LeavingOptions) {
    this.options = options;
  }

  /** `listener` hears of each receipt that is released. @returns ends it */
  onReleased(listener: (receipt: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The mesh has accepted everything of this entry: it goes, as soon as all before it in its lane have gone. */
  told(entry: Entry): void {
    if (entry.kind === 'loose') return this.release(entry);
    const lane = this.options.book.get(entry.arrival.change.territoryId);
    if (lane) this.releaseHead(lane);
  }

  /** In the lane's order, so that what a crash leaves unsettled is its tail. */
  releaseHead(lane: Lane): void {
    for (const entry of lane.takeReleasable()) this.release(entry);
  }

  /** As if they had never been here. */
  drop(entries: readonly ChangeEntry[]): void {
    for (const entry of entries) {
      this.options.known.drop(entry);
      this.options.write.dropped(entry);
    }
  }

  private release(entry: Entry): void {
    this.options.known.release(entry);
    for (const listener of this.listeners) listener(entry.receipt);
  }
}
