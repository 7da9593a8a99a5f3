/**
 * Where the types of fields come from: the settings, else the service's `$metadata`, read once before the first use and kept. An API
 * that shows none gets JSON as it is; one that is in trouble is asked again, for a value written in the wrong form would be
 * refused and its change blamed for it.
 */
import type { Log } from '../../platform/log.ts';
import { judgeRequest, notAnAnswer } from '../classify.ts';
import type { HttpAnswer, Transport } from '../destination.ts';
import type { CheckedSettings } from '../settings.ts';
import type { NoAnswer } from '../trouble.ts';
import { fieldTypesIn, type FieldTypes } from './metadata.ts';

export interface Types {
  readonly kind: 'types';
  readonly types: FieldTypes;
}

export interface FieldTypeSource {
  /**
   * The types; trouble where the API may tell them another time. Several callers share one request.
   * @param root the service root, the territory put in
   */
  get(root: string, signal: AbortSignal): Promise<Types | NoAnswer>;
}

/** A document larger than this is not searched. */
const DOCUMENT_LIMIT = 8 * 1024 * 1024;

const NO_TYPES: FieldTypes = new Map();

export function createFieldTypes(
  settings: CheckedSettings,
  { transport, log, now }: { readonly transport: Transport; readonly log: Log; readonly now: () => number },
): FieldTypeSource {
  let known = settings.fieldTypes && new Map(Object.entries(settings.fieldTypes));
  const collection = settings.path.slice(settings.serviceRoot === '/' ? 1 : settings.serviceRoot.length + 1);

  const read = (answer: HttpAnswer): FieldTypes | NoAnswer => {
    const { status, text } = answer;
    const unavailable = status >= 500 || [401, 408, 425, 429].includes(status);
    if (unavailable) {
      const verdict = judgeRequest(answer, now());
      return verdict.kind === 'trouble' ? verdict : notAnAnswer(status, 'no $metadata', 'not-sent');
    }
    const isDocument = status === 200 && text.length <= DOCUMENT_LIMIT && text.includes('<');
    const types = isDocument ? fieldTypesIn(text, collection) : undefined;
    if (types === undefined) {
      log.info(
        'the API tells no types in $metadata; values are sent as the events hold them. Set TERRITORY_FIELD_TYPES',
        {
          status,
        },
      );
    }
    return types ?? NO_TYPES;
  };

  let asking: Promise<Types | NoAnswer> | undefined;
  const ask = async (root: string, signal: AbortSignal): Promise<Types | NoAnswer> => {
    const path = root === '/' ? '/$metadata' : `${root}/$metadata`;
    const headers = { accept: 'application/xml' };
    const answer = await transport.send({ method: 'GET', path, headers, records: 0 }, signal);
    if (answer.kind === 'trouble') return answer;
    const types = read(answer);
    if ('kind' in types) return types;
    known = new Map(types);
    return { kind: 'types', types: known };
  };

  return {
    get(root, signal) {
      if (known !== undefined) return Promise.resolve({ kind: 'types', types: known });
      asking ??= ask(root, signal).finally(() => (asking = undefined));
      return asking;
    },
  };
}
