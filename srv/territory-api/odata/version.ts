/** What differs between the versions of OData, as the one adapter sees it that speaks either. */
import type { Fields } from '../../events/change.ts';
import type { KeyLiteral } from '../address.ts';
import type { HttpAnswer } from '../destination.ts';
import type { RecordAnswer, WriteRequest } from '../port.ts';
import type { KeyType } from '../settings.ts';
import type { JsonForm } from './edm.ts';

/** One record's request in a batch. */
export interface BatchItem {
  readonly request: WriteRequest;
  /** Collection relative to the service root, percent-encoded, for example `assignments`. */
  readonly collection: string;
  /** The record's URL relative to the service root, percent-encoded; absent for a create. */
  readonly entity?: string;
  /** What is sent: the fields as the API's types want them, for a create with its key. */
  readonly body: Fields;
  /** The body holds numbers as strings. */
  readonly exactNumbers: boolean;
}

/** A batch as it is sent: headers and body of the one request. */
export interface BatchRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The answers in the items' order; `ignored` counts responses that belong to no item or come twice. */
export interface BatchReading {
  readonly records: readonly RecordAnswer[];
  readonly ignored: number;
}

/** A page of a list. */
export interface EntityPage {
  readonly entities: readonly unknown[];
  /** True where the answer says that it is not complete. */
  readonly more: boolean;
}

export interface ODataVersion {
  readonly json: JsonForm;
  /** A key as it stands in a URL, not yet percent-encoded. */
  literalOf(type: KeyType, key: KeyLiteral): string;
  /** The filter for records by one property, from literals joined by `separator`; not yet percent-encoded. */
  filterOf(property: string, members: string): string;
  /** How one literal stands in that filter. */
  memberOf(property: string, literal: string): string;
  /** Between two members. */
  readonly separator: string;
  /** What a read's query ends with, percent-encoded, beginning with `&`; or nothing. */
  readonly querySuffix: string;
  /** Undefined where the body is no list of this version. */
  pageOf(body: unknown): EntityPage | undefined;
  /** The ETag in a record of a list, unchecked. */
  etagOf(entity: Readonly<Record<string, unknown>>): unknown;
  batchOf(items: readonly BatchItem[]): BatchRequest;
  /** Undefined where a successful answer is none to a batch. */
  readBatch(items: readonly BatchItem[], answer: HttpAnswer): BatchReading | undefined;
}
