/** What the versions of OData write differently about the same records: lists, entities, ETags, errors. */
import { keyToJson } from './odata-key.ts';
import type { EntityKey } from './odata-key.ts';
import { badRequest } from './protocol.ts';
import type { Answer } from './protocol.ts';
import type { RecordError, SandboxRecord } from './record.ts';

/** `v2` is the form of SAP Cloud for Customer. */
export type OdataVersion = 'v2' | 'v4';

type Shown = Pick<SandboxRecord, 'id' | 'etag' | 'fields'>;

export interface OdataForm {
  readonly version: OdataVersion;
  readonly headers: Readonly<Record<string, string>>;
  readonly updateMethods: readonly string[];
  entity(record: Shown, key: EntityKey, selected: readonly string[] | undefined): object;
  list(entities: readonly object[]): object;
  single(entity: object): object;
  error(error: RecordError): object;
  /** An ETag of the store as this version shows it. */
  etagOut(etag: string): string;
  /** `If-Match` as the store knows it. */
  etagIn(header: string): string;
}

export const V4_FORM: OdataForm = {
  version: 'v4',
  headers: { 'odata-version': '4.0' },
  updateMethods: ['PATCH'],
  entity: (record, key, selected) => ({ '@odata.etag': record.etag, ...properties(record, key, selected) }),
  list: (value) => ({ '@odata.context': '$metadata#assignments', value }),
  single: (entity) => entity,
  error: (error) => ({ error }),
  etagOut: (etag) => etag,
  etagIn: (header) => header,
};

export const V2_FORM: OdataForm = {
  version: 'v2',
  headers: { dataserviceversion: '2.0' },
  updateMethods: ['MERGE', 'PATCH'],
  entity: (record, key, selected) => ({
    __metadata: { type: 'sandbox.assignment', etag: datetimeEtag(record.etag) },
    ...properties(record, key, selected),
  }),
  list: (results) => ({ d: { results } }),
  single: (d) => ({ d }),
  error: ({ code, message }) => ({ error: { code, message: { lang: 'en', value: message } } }),
  etagOut: datetimeEtag,
  etagIn: (header) => header.split(',').map(storeEtag).join(','),
};

/** The answer for one record that was refused. */
export function refusedIn(form: OdataForm, status: number, error: RecordError): Answer {
  return { status, headers: form.headers, body: form.error(error) };
}

/** As CAP shows an entity: selected fields that have no value are null. */
function properties({ id, fields }: Shown, key: EntityKey, selected: readonly string[] | undefined): object {
  const names = selected?.filter((name) => name !== key.name && name !== '*') ?? Object.keys(fields);
  const values = names.map((name) => [name, Object.hasOwn(fields, name) ? fields[name] : null]);
  return { [key.name]: keyToJson(id, key), ...Object.fromEntries(values) };
}

/** The time of a change, as C4C writes it: the version counts ticks of 100 ns. */
function datetimeEtag(etag: string): string {
  const ticks = /^W\/"(\d+)"$/.exec(etag)?.[1] ?? '';
  return `W/"datetimeoffset'2015-02-03T21%3A07%3A03.${ticks.padStart(7, '0')}Z'"`;
}

function storeEtag(header: string): string {
  const text = header.trim();
  if (text === '*') return text;
  const ticks = /^W\/"datetimeoffset'2015-02-03T21%3A07%3A03\.(\d{7,})Z'"$/.exec(text)?.[1];
  if (ticks === undefined && !/^(W\/)?".*"$/.test(text)) throw badRequest('If-Match holds no entity tag');
  // Any other entity tag is one that no version has.
  return ticks === undefined ? 'none' : `W/"${Number(ticks)}"`;
}
