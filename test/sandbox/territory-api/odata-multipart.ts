/**
 * The multipart `$batch` of OData V2: each changeset is one transaction. One that succeeded is answered by a changeset of its own,
 * one that failed by a single response, of the member that failed first.
 */
import type { Executor } from './executor.ts';
import type { ItemParser } from './odata-batch.ts';
import type { OdataForm } from './odata-form.ts';
import type { OdataItem } from './odata.ts';
import { ProtocolRefusalError, badRequest, checkRecordCount } from './protocol.ts';
import type { Answer, Call, Exchange } from './protocol.ts';

type WriteItem = Extract<OdataItem, { kind: 'write' }>;
type Refused = { readonly kind: 'refused'; readonly answer: Answer };

interface Member {
  readonly contentId: string | undefined;
  readonly item: WriteItem | Refused;
}

const CRLF = '\r\n';

export function multipartCall(
  exchange: Exchange,
  recordsMax: number,
  form: OdataForm,
  parseItem: ItemParser,
): Call {
  if (exchange.method !== 'POST')
    throw new ProtocolRefusalError(405, 'METHOD_NOT_ALLOWED', 'POST, please', { allow: 'POST' });
  const root = exchange.path.slice(0, exchange.path.lastIndexOf('/') + 1);
  const changesets = partsOf(exchange.headers['content-type'], exchange.body).map(({ headers, body }) =>
    partsOf(headers['content-type'], body).map((part) => memberOf(part, root, form, parseItem)),
  );
  const writes = changesets.flat().flatMap(({ item }) => (item.kind === 'write' ? [item.write] : []));
  checkRecordCount(writes.length, recordsMax);
  return {
    kind: 'write',
    recordIds: writes.map(({ id }) => id),
    writes,
    run(executor) {
      const parts = changesets.flatMap((members, number) => answerChangeset(members, number, executor));
      const headers = { ...form.headers, 'content-type': 'multipart/mixed; boundary=answers' };
      return { status: 202, headers, text: enclosed('answers', parts) };
    },
  };
}

/** The changeset's part of the answer; none where the answer is not to mention its records. */
function answerChangeset(members: readonly Member[], number: number, executor: Executor): readonly string[] {
  const writes = members.flatMap(({ item }) => (item.kind === 'write' ? [item.write] : []));
  const whole = writes.length === members.length;
  const outcomes =
    whole && writes.length === 1
      ? writes.map((write) => executor.write(write))
      : executor.writeGroup(writes, whole ? 'if-all-succeed' : 'never');
  const next = outcomes.values();
  const answers = members.flatMap(({ contentId, item }) => {
    const answer = item.kind === 'refused' ? item.answer : item.render(next.next().value ?? 'missing');
    return answer === 'missing' ? [] : [{ contentId, answer }];
  });
  const failed = answers.find(({ answer }) => answer.status >= 400);
  if (failed !== undefined) return [httpPart(failed.answer, failed.contentId)];
  if (answers.length === 0) return [];
  const boundary = `changeset-${number}`;
  const parts = answers.map(({ contentId, answer }) => httpPart(answer, contentId));
  return [`Content-Type: multipart/mixed; boundary=${boundary}${CRLF}${CRLF}${enclosed(boundary, parts)}`];
}

function httpPart({ status, headers, body }: Answer, contentId: string | undefined): string {
  const json = body === undefined ? '' : JSON.stringify(body);
  const lines = Object.entries({
    ...headers,
    ...(json !== '' && { 'Content-Type': 'application/json' }),
    'Content-Length': String(Buffer.byteLength(json)),
  }).map(([name, value]) => `${name}: ${value}`);
  const outer = [
    'Content-Type: application/http',
    'content-transfer-encoding: binary',
    ...(contentId === undefined ? [] : [`Content-ID: ${contentId}`]),
  ];
  return [...outer, '', `HTTP/1.1 ${status} Sandbox`, ...lines, '', json].join(CRLF);
}

function enclosed(boundary: string, parts: readonly string[]): string {
  return [...parts.flatMap((part) => [`--${boundary}`, part]), `--${boundary}--`, ''].join(CRLF);
}

interface Part {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** A client must send CRLF and the boundary that it names. */
function partsOf(contentType: string | undefined, text: string): readonly Part[] {
  const boundary = /^multipart\/mixed\s*;\s*boundary=([\w.-]+)$/i.exec(contentType ?? '')?.[1];
  if (boundary === undefined)
    throw new ProtocolRefusalError(415, 'UNSUPPORTED_MEDIA_TYPE', 'send multipart/mixed');
  const [, ...parts] = `${CRLF}${text}`.split(`${CRLF}--${boundary}`);
  if (!parts.at(-1)?.startsWith('--')) throw badRequest('the multipart body has no end');
  return parts.slice(0, -1).map((part) => splitHead(part.slice(CRLF.length)));
}

function splitHead(text: string): Part {
  const end = text.indexOf(`${CRLF}${CRLF}`);
  if (end === -1) throw badRequest('a part has no empty line behind its headers');
  const lines = text.slice(0, end).split(CRLF);
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { headers: Object.fromEntries(headers), body: text.slice(end + 2 * CRLF.length) };
}

function memberOf(part: Part, root: string, form: OdataForm, parseItem: ItemParser): Member {
  const [line = '', rest = ''] = part.body.split(/\r\n(.*)/s, 2);
  const [, method = '', url = ''] = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(line) ?? [];
  if (method === '') throw badRequest('a part of a changeset is no request');
  if (url.startsWith('/')) throw badRequest('URLs in a batch are relative to the service root');
  const { headers, body } = splitHead(rest);
  const [path = '', query = ''] = `${root}${url}`.split(/\?(.*)/s, 2);
  return {
    contentId: part.headers['content-id'],
    item: writeOf({ method, path, query, headers, body }, form, parseItem),
  };
}

function writeOf(exchange: Exchange, form: OdataForm, parseItem: ItemParser): WriteItem | Refused {
  try {
    const item = parseItem(exchange);
    if (item.kind === 'write') return item;
    throw badRequest('a changeset holds writes only');
  } catch (error) {
    if (!(error instanceof ProtocolRefusalError)) throw error;
    const body = form.error({ code: error.code, message: error.message });
    return { kind: 'refused', answer: { status: error.status, headers: error.headers, body } };
  }
}
