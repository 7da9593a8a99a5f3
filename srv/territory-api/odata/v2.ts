/**
 * OData V2 in the form of SAP Cloud for Customer: records by `id eq 'a' or id eq 'b'` (the only `or` it takes is on one
 * property), ETags in `__metadata`, multipart batches with `MERGE`.
 */
import { asObject } from '../api-error.ts';
import { buildMultipartBatch, MULTIPART_BATCH, readMultipartBatch } from './multipart-batch.ts';
import type { ODataVersion } from './version.ts';

export const V2: ODataVersion = {
  json: 'v2',
  literalOf: (type, { literal }) => (type === 'guid' ? `guid'${literal}'` : literal),
  filterOf: (_, members) => members,
  memberOf: (property, literal) => `${property} eq ${literal}`,
  separator: ' or ',
  // Without it SAP's gateways may answer in Atom, whatever the Accept header says.
  querySuffix: '&$format=json',
  pageOf(body) {
    const d = asObject(body)?.['d'];
    // Bare lists come from the first version of the protocol's JSON.
    const entities = Array.isArray(d) ? (d as unknown[]) : asObject(d)?.['results'];
    return Array.isArray(entities) ? { entities, more: asObject(d)?.['__next'] !== undefined } : undefined;
  },
  etagOf: (entity) => asObject(entity['__metadata'])?.['etag'],
  batchOf: (items) => ({
    // The preference is V4's: a V2 service in front of a V4 one passes it on, and its first conflict would end the batch.
    headers: {
      'content-type': MULTIPART_BATCH,
      accept: 'multipart/mixed',
      prefer: 'odata.continue-on-error',
    },
    body: buildMultipartBatch(items),
  }),
  readBatch: (items, answer) => readMultipartBatch(items, answer),
};
