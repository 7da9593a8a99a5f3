/** What the embedded journal is made of, for those who share the work on it. */
import type { Clock } from '../../platform/clock.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { KnownChanges } from './known-changes.ts';
import type { LaneBook } from './lane-book.ts';
import type { Leaving } from './leaving.ts';
import type { Numbers } from './numbers.ts';
import type { Outbox } from './outbox.ts';
import type { TrailWriter } from './trail-writer.ts';

/** Whether another instance may become the receiver when this one loses its link, and is delivered what this one had. */
export type Standbys = 'expected' | 'none';

export interface Parts {
  readonly clock: Clock;
  readonly standbys: Standbys;
  readonly book: LaneBook;
  readonly known: KnownChanges;
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  readonly write: TrailWriter;
  readonly numbers: Numbers;
  readonly leaving: Leaving;
}
