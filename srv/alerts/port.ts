/**
 * Alerts as the rest of the program and its adapters see them: a *channel* carries a notice to people, a *book* keeps what is
 * raised. Both are small, since what decides when to raise and to recover is pure and stands elsewhere.
 */

export type AlertSeverity = 'WARNING' | 'ERROR';

/** One word to people about one alert. Holds no secret and no payload. */
export interface AlertNotice {
  /** For example `TerritorySyncMeshDisconnected`. */
  readonly eventType: string;
  /** The same for raise, updates and recovery, over all instances and restarts. */
  readonly sourceEventId: string;
  /** What happened: also after a raise that could not be told, the newest alone is. */
  readonly status: 'raised' | 'updated' | 'recovered';
  readonly severity: AlertSeverity;
  /** The territory of an alert that is about one; absent otherwise. */
  readonly territory?: string;
  /** One line: what is wrong. */
  readonly title: string;
  /** One line: what is known of it. */
  readonly detail: string;
  /** What to do. */
  readonly action: string;
  /** Epoch milliseconds. */
  readonly raisedAt: number;
  readonly changedAt: number;
  readonly figures: AlertFigures;
  /** Link to the console. */
  readonly link?: string;
  /** Grows with each notice of an alert. */
  readonly version: number;
}

export type AlertFigures = Readonly<Record<string, string | number>>;

export type NoticeResult =
  /** Somebody else has it now. */
  | { readonly kind: 'accepted' }
  /** It will never be taken as it is; `reason` is one line without secrets. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Try again later, not before `retryAfterMs` where that is known. */
  | { readonly kind: 'unavailable'; readonly reason: string; readonly retryAfterMs?: number };

export interface AlertChannel {
  /** For the log: where notices go. */
  readonly name: string;
  /** Never rejects. A notice may arrive twice; `sourceEventId`, `status` and `version` tell. */
  send(notice: AlertNotice, signal: AbortSignal): Promise<NoticeResult>;
}

/** What is known of one alert. Plain JSON: a later version may add members, and must read records without them. */
export interface AlertRecord {
  /** Event type, and for an alert about a territory `/` and the territory. */
  readonly key: string;
  readonly eventType: string;
  readonly territory?: string;
  readonly status: 'raised' | 'recovered';
  /** Epoch milliseconds by the book's clock, as all times here. */
  readonly raisedAt: number;
  readonly changedAt: number;
  readonly detail: string;
  readonly figures: AlertFigures;
  /** Times it happened since it was raised; 0 for what lasts rather than happens. */
  readonly count: number;
  /** Tells whether something worth an update has changed. */
  readonly mark: string;
  /** Instances that see it now, and until when their word counts: a dead one has no say. */
  readonly holders: Readonly<Record<string, number>>;
  /** Grows with everything worth telling. */
  readonly version: number;
  readonly toldVersion: number;
  readonly toldAt?: number;
  /** While `version` is above `toldVersion`: when to tell. */
  readonly dueAt: number;
}

/** Keeps a bounded number of alerts: one record for each, whose newest state is the only one that is kept. */
export interface AlertBook {
  all(): Promise<readonly AlertRecord[]>;
  /**
   * Replaces the record by what `next` makes of it, in one step that no other instance comes between. `next` is pure; its
   * undefined removes the record.
   * @returns the record afterwards
   */
  revise(key: string, next: ReviseAlert): Promise<AlertRecord | undefined>;
  /** Records with something to tell now, which nobody else takes until `giveBack` or for `leaseMs`. */
  take(limit: number, leaseMs: number): Promise<readonly AlertRecord[]>;
  giveBack(key: string): Promise<void>;
}

/** @param nowMs epoch milliseconds by the book's clock */
export type ReviseAlert = (known: AlertRecord | undefined, nowMs: number) => AlertRecord | undefined;

/** The record has something to tell at `nowMs`. */
export function isDue(record: AlertRecord, nowMs: number): boolean {
  return record.version > record.toldVersion && record.dueAt <= nowMs;
}
