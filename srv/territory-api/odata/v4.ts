/** OData V4: records by `in (…)`, ETags as annotations, JSON batches. */
import { asObject } from '../api-error.ts';
import { jsonIn } from '../json-text.ts';
import { buildBatch, readBatch } from './json-batch.ts';
import type { ODataVersion } from './version.ts';

export const V4: ODataVersion = {
  json: 'v4',
  literalOf: (_, key) => key.literal,
  filterOf: (property, members) => `${property} in (${members})`,
  memberOf: (_, literal) => literal,
  separator: ',',
  querySuffix: '',
  pageOf(body) {
    const page = asObject(body);
    const entities = page?.['value'];
    if (page === undefined || !Array.isArray(entities)) return undefined;
    return { entities, more: page['@odata.nextLink'] !== undefined || page['@nextLink'] !== undefined };
  },
  etagOf: (entity) => entity['@odata.etag'] ?? entity['@etag'],
  batchOf: (items) => ({
    // Otherwise the first conflict may end the batch: the records behind it would get no answer.
    headers: { 'content-type': 'application/json', prefer: 'odata.continue-on-error' },
    body: buildBatch(items),
  }),
  readBatch: (items, answer) => readBatch(items, jsonIn(answer.text)),
};
