/** One write as a request of a batch, its values in the API's types; or the answer to it, where it cannot be sent. */
import type { Scalar } from '../../events/change.ts';
import type { RecordAnswer, WriteRequest } from '../port.ts';
import { toWire } from './edm.ts';
import type { FieldTypes } from './metadata.ts';
import type { BatchItem, ODataVersion } from './version.ts';

/** Where a record is written. */
export interface ItemAddress {
  /** The service root. */
  readonly root: string;
  /** Collection relative to it, percent-encoded. */
  readonly collection: string;
  /** Its key as it stands in a URL, not yet percent-encoded; absent where a look-up found none. */
  readonly literal?: string;
  /** What a create is told of the id: key property or look-up property, and its value. */
  readonly identity: { readonly name: string; readonly value: string | number };
}

/** @param lookup the property by which ids are looked up, if they are */
export function makeItem(
  version: ODataVersion,
  request: WriteRequest,
  { collection, literal, identity }: ItemAddress,
  types: FieldTypes,
  lookup: string | undefined,
): BatchItem | RecordAnswer {
  const isCreate = request.operation === 'create';
  if (lookup !== undefined && isCreate && literal !== undefined) return exists(lookup);
  if (!isCreate && literal === undefined) return unknown(lookup);
  const body = Object.create(null) as Record<string, Scalar>;
  let exactNumbers = false;
  for (const [name, value] of Object.entries(request.fields)) {
    const type = types.get(name);
    const wire = type === undefined ? { value } : toWire(version.json, type, value);
    if (wire === undefined) return wrongType(name, type);
    body[name] = wire.value;
    exactNumbers ||= 'exact' in wire;
  }
  if (isCreate)
    return { request, collection, body: { ...body, [identity.name]: identity.value }, exactNumbers };
  const entity = `${collection}(${encodeURIComponent(literal ?? '')})`;
  return { request, collection, entity, body, exactNumbers };
}

function exists(lookup: string): RecordAnswer {
  const message = `a record with this ${lookup} exists already`;
  return { kind: 'conflict', status: 409, code: 'ALREADY_EXISTS', message };
}

function unknown(lookup: string | undefined): RecordAnswer {
  const message = `no record has this ${lookup ?? 'key'}`;
  return { kind: 'refused', status: 404, code: 'NOT_FOUND', message };
}

function wrongType(name: string, type: string | undefined): RecordAnswer {
  const message = `the value of ${name} is no ${type ?? 'value'}; see TERRITORY_FIELD_TYPES`;
  return { kind: 'refused', status: 400, code: 'WRONG_TYPE', message: message.slice(0, 200) };
}
