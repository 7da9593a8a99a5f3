/** A person is to be taken out of what a durable journal keeps: what is asked, and what is told of it. */
import type { ChangeRef } from '../events/change.ts';

export interface ErasureOrder {
  /** The id, as sources write it. Never logged and never stored. */
  readonly person: string;
  readonly by: string;
  /** `count`: only tells what would be erased. */
  readonly manner: 'erase' | 'count';
}

/** A change that has not ended and holds the person: what it is to write must not silently become something else. */
export interface PendingMention {
  readonly ref: ChangeRef;
  readonly territoryId: string;
  readonly position: number;
}

export interface ErasureReport {
  /** Names the erasure in the journal's record of them; absent where nothing was to be written. */
  readonly reference?: string;
  /** Rows that held the person: ended changes, dead letters open and decided, what could not be read, unsent and parked messages. */
  readonly erased: {
    readonly changes: number;
    readonly deadLetters: number;
    readonly unreadable: number;
    readonly messages: number;
  };
  /** Left as they are, to be erased by another run once they have ended: the first ones, and how many there are. */
  readonly pending: { readonly count: number; readonly first: readonly PendingMention[] };
  /** Territories with a request in doubt that holds the person, and has to be repeated to the byte. */
  readonly territoriesInDoubt: readonly string[];
  /** Messages on their way to the mesh at this moment. */
  readonly messagesUnderWay: number;
}

/** Nothing of the person is left. */
export function isComplete({ pending, territoriesInDoubt, messagesUnderWay }: ErasureReport): boolean {
  return pending.count === 0 && territoriesInDoubt.length === 0 && messagesUnderWay === 0;
}
