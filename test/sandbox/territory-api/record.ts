/** What the simulator keeps and says of one record: the words that store, protocols and faults share. */

export type Scalar = string | number | boolean | null;
export type Fields = Readonly<Record<string, Scalar>>;
export type Operation = 'update' | 'create' | 'delete';

/** Names a record. `territoryId` is absent where the path holds none and the id alone addresses. */
export interface RecordRef {
  readonly territoryId?: string;
  readonly id: string;
}

/** A record as it stands at this moment, whatever the caches say. */
export interface SandboxRecord {
  readonly territoryId: string;
  readonly id: string;
  /** Grows with every write of this record, also over delete and create; never used twice. */
  readonly version: number;
  /** `W/"<version>"`. */
  readonly etag: string;
  readonly fields: Fields;
}

/** One record's part of a write request, as read from the wire. */
export interface RecordWrite extends RecordRef {
  readonly operation: Operation;
  /** As sent: one ETag, a list of them, or `*`. */
  readonly ifMatch?: string;
  readonly fields: Fields;
  readonly idempotencyKey?: string;
}

export interface RecordError {
  readonly code: string;
  readonly message: string;
  /** Problem type (RFC 9457) where the error has one. */
  readonly type?: string;
}

export interface RecordSuccess {
  readonly status: number;
  /** Absent after a delete. */
  readonly etag?: string;
  /** The whole record after the write; absent after a delete. */
  readonly fields?: Fields;
  readonly error?: undefined;
}

export interface RecordRefusal {
  readonly status: number;
  readonly etag?: undefined;
  readonly fields?: undefined;
  readonly error: RecordError;
}

export type RecordResult = RecordSuccess | RecordRefusal;

export function refusal(status: number, code: string, message: string): RecordRefusal {
  return { status, error: { code, message } };
}

/** The weak entity tag of a version. */
export function etagOf(version: number): string {
  return `W/"${version}"`;
}
