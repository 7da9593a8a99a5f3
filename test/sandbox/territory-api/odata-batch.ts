/**
 * JSON `$batch` of OData 4.01 with the semantics measured on CAP: independent requests end each on its own; of a failed
 * atomicity group nothing is committed, although its members may individually report 200 with a new ETag.
 */
import type { Executor, Outcome } from './executor.ts';
import type { OdataItem } from './odata.ts';
import {
  ProtocolRefusalError,
  asAnswer,
  badRequest,
  checkRecordCount,
  isObject,
  jsonBody,
} from './protocol.ts';
import type { Answer, Call, Exchange, Headers } from './protocol.ts';

/** Understands one member; throws {@link ProtocolRefusalError} where it cannot. */
export type ItemParser = (exchange: Exchange) => OdataItem;

type Refused = { readonly kind: 'refused'; readonly answer: Answer };

interface Member {
  readonly id: string;
  readonly group: string | undefined;
  readonly item: OdataItem | Refused;
}

export function batchCall(exchange: Exchange, recordsMax: number, parseItem: ItemParser): Call {
  if (exchange.method !== 'POST') {
    throw new ProtocolRefusalError(405, 'METHOD_NOT_ALLOWED', 'POST, please', { allow: 'POST' });
  }
  const { requests } = jsonBody(exchange);
  if (!Array.isArray(requests)) throw badRequest('requests must be a list');
  checkRecordCount(requests.length, recordsMax);
  const root = exchange.path.slice(0, exchange.path.lastIndexOf('/') + 1);
  const members = requests.map((request: unknown) => member(request, root, parseItem));
  checkIds(members);
  const recordIds = members.flatMap(({ item }) => idsOf(item));
  checkRecordCount(recordIds.length, recordsMax);
  const onError = /\bcontinue-on-error=false\b/.test(exchange.headers['prefer'] ?? '') ? 'stop' : 'go-on';
  return {
    kind: members.every(({ item }) => item.kind === 'read') ? 'read' : 'write',
    recordIds,
    writes: members.flatMap(({ item }) => (item.kind === 'write' ? [item.write] : [])),
    run: (executor) => answerBatch(members, onError, executor),
  };
}

function answerBatch(members: readonly Member[], onError: 'stop' | 'go-on', executor: Executor): Answer {
  const responses: unknown[] = [];
  for (const unit of units(members)) {
    const answers =
      unit[0]?.group === undefined ? unit.map((one) => alone(one, executor)) : group(unit, executor);
    for (const [index, { id, group: atomicityGroup }] of unit.entries()) {
      const answer = answers[index];
      if (answer === undefined || answer === 'missing') continue;
      responses.push(response(id, atomicityGroup, answer));
    }
    const failed = answers.some((answer) => answer !== 'missing' && answer.status >= 400);
    if (failed && onError === 'stop') break;
  }
  return { status: 200, headers: { 'odata-version': '4.0' }, body: { responses } };
}

function alone({ item }: Member, executor: Executor): Answer | 'missing' {
  switch (item.kind) {
    case 'refused':
      return item.answer;
    case 'read':
      return item.run(executor);
    case 'write':
      return item.render(executor.write(item.write));
  }
}

/** One transaction; a member that cannot even be understood keeps the others from being committed. */
function group(unit: readonly Member[], executor: Executor): readonly (Answer | 'missing')[] {
  const writes = unit.flatMap(({ item }) => (item.kind === 'write' ? [item.write] : []));
  const commit = unit.some(({ item }) => item.kind === 'refused') ? 'never' : 'if-all-succeed';
  const outcomes = executor.writeGroup(writes, commit);
  const outcomeOf = new Map(writes.map((write, index) => [write, outcomes[index]]));
  return unit.map((one) => {
    if (one.item.kind !== 'write') return alone(one, executor);
    const outcome: Outcome = outcomeOf.get(one.item.write) ?? 'missing';
    return one.item.render(outcome);
  });
}

/** Neighbours of the same atomicity group together, all others alone. */
function units(members: readonly Member[]): readonly (readonly Member[])[] {
  const found: Member[][] = [];
  for (const one of members) {
    const last = found.at(-1);
    if (one.group !== undefined && last?.[0]?.group === one.group) last.push(one);
    else found.push([one]);
  }
  return found;
}

function member(request: unknown, root: string, parseItem: ItemParser): Member {
  if (!isObject(request)) throw badRequest('a request of the batch must be an object');
  const { id, method, url, headers = {}, body, atomicityGroup, dependsOn } = request;
  if (typeof id !== 'string' || typeof method !== 'string' || typeof url !== 'string' || !isObject(headers)) {
    throw badRequest('a request of the batch needs id, method and url');
  }
  if (dependsOn !== undefined)
    throw new ProtocolRefusalError(501, 'NOT_SUPPORTED', 'dependsOn is not supported');
  const [path = '', query = ''] = absolute(url, root).split(/\?(.*)/s, 2);
  const exchange: Exchange = {
    method: method.toUpperCase(),
    path,
    query,
    headers: { 'content-type': 'application/json', ...lowerCase(headers) },
    body: body === undefined ? '' : JSON.stringify(body),
  };
  return {
    id,
    group: typeof atomicityGroup === 'string' ? atomicityGroup : undefined,
    item: understood(exchange, parseItem),
  };
}

function understood(exchange: Exchange, parseItem: ItemParser): OdataItem | Refused {
  try {
    return parseItem(exchange);
  } catch (error) {
    if (error instanceof ProtocolRefusalError) return { kind: 'refused', answer: asAnswer(error) };
    throw error;
  }
}

/** URLs in a batch are relative to the service root, absolute paths, or whole. */
function absolute(url: string, root: string): string {
  if (url.startsWith('/')) return url;
  return /^https?:\/\//.test(url) ? url.replace(/^https?:\/\/[^/]*/, '') : root + url;
}

function checkIds(members: readonly Member[]): void {
  if (new Set(members.map(({ id }) => id)).size < members.length) {
    throw badRequest('the ids of a batch must be unique');
  }
  const groups = units(members).flatMap(([first]) => (first?.group === undefined ? [] : [first.group]));
  if (new Set(groups).size < groups.length) {
    throw badRequest('requests of one atomicityGroup must stand together');
  }
}

function idsOf(item: OdataItem | Refused): readonly string[] {
  switch (item.kind) {
    case 'refused':
      return [];
    case 'read':
      return item.recordIds;
    case 'write':
      return [item.write.id];
  }
}

function response(id: string, atomicityGroup: string | undefined, { status, headers, body }: Answer): object {
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  return {
    id,
    ...(atomicityGroup !== undefined && { atomicityGroup }),
    status,
    headers: { ...type, ...headers },
    ...(body !== undefined && { body }),
  };
}

function lowerCase(headers: Record<string, unknown>): Headers {
  const texts = Object.entries(headers).filter(([, value]) => typeof value === 'string');
  return Object.fromEntries(texts.map(([name, value]) => [name.toLowerCase(), value as string]));
}
