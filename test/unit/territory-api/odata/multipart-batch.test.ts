import { describe, expect, it } from 'vitest';
import type { WriteRequest } from '../../../../srv/territory-api/port.ts';
import {
  buildMultipartBatch,
  readMultipartBatch,
} from '../../../../srv/territory-api/odata/multipart-batch.ts';
import { parseMultipart } from '../../../../srv/territory-api/odata/multipart.ts';
import type { BatchItem } from '../../../../srv/territory-api/odata/version.ts';

const item = (id: string, more: Partial<WriteRequest> = {}): BatchItem => ({
  request: {
    territoryId: 'EMEA',
    id,
    operation: 'update',
    ifMatch: `W/"datetimeoffset'2015-02-03T21%3A07%3A03.5328420Z'"`,
    fields: { owner: 'E1008' },
    idempotencyKey: 'k',
    ...more,
  },
  collection: 'Team',
  ...(more.operation !== 'create' && { entity: `Team('${id}')` }),
  body: { owner: 'Jürgen' },
  exactNumbers: false,
});

interface Told {
  readonly status: number;
  readonly contentId?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}
const http = ({ status, contentId, headers = [], body = '' }: Told) =>
  [
    'Content-Type: application/http',
    ...(contentId === undefined ? [] : [`Content-ID: ${contentId}`]),
    '',
    `HTTP/1.1 ${status} Said`,
    ...headers,
    '',
    body,
  ].join('\r\n');
const changeset = (...parts: string[]) =>
  `Content-Type: multipart/mixed; boundary=cs\r\n\r\n${parts.map((part) => `--cs\r\n${part}\r\n`).join('')}--cs--\r\n`;
const done = (contentId?: string, etag = 'W/"2"') =>
  changeset(http({ status: 204, headers: [`ETag: ${etag}`], ...(contentId !== undefined && { contentId }) }));
const batch = (...parts: string[]) => `${parts.map((part) => `--b\r\n${part}\r\n`).join('')}--b--\r\n`;
const read = (items: BatchItem[], text: string, type = 'multipart/mixed; boundary=b') =>
  readMultipartBatch(items, { headers: { 'content-type': type }, text });
const kinds = (items: BatchItem[], text: string) => read(items, text)?.records.map(({ kind }) => kind);

describe('a multipart batch', () => {
  it('holds a changeset per record, so that the failure of one does not roll back the others', () => {
    const { ifMatch: _, ...unread } = item('B', { operation: 'create' }).request;
    const text = buildMultipartBatch([
      item('A'),
      { ...item('B', { operation: 'create' }), request: unread },
      item('C', { operation: 'delete' }),
    ]);
    expect(text.match(/Content-Type: multipart\/mixed/g)).toHaveLength(3);
    expect(text.match(/^(MERGE|POST|DELETE) \S+ HTTP\/1\.1\r$/gm)).toEqual([
      "MERGE Team('A') HTTP/1.1\r",
      'POST Team HTTP/1.1\r',
      "DELETE Team('C') HTTP/1.1\r",
    ]);
    expect(text.match(/^If-Match: .*\r$/gm)).toEqual([
      `If-Match: W/"datetimeoffset'2015-02-03T21%3A07%3A03.5328420Z'"\r`,
      `If-Match: W/"datetimeoffset'2015-02-03T21%3A07%3A03.5328420Z'"\r`,
    ]);
    expect(text).toContain('Content-Length: 19\r\n\r\n{"owner":"Jürgen"}\r\n');
    expect(text.replaceAll('\r\n', '')).not.toContain('\n');
  });

  it('holds one changeset for the records of a transaction', () => {
    const text = buildMultipartBatch([
      item('A', { transaction: 't' }),
      item('B', { transaction: 't' }),
      item('C'),
    ]);
    expect(text.match(/Content-Type: multipart\/mixed/g)).toHaveLength(2);
    expect(text.match(/^Content-ID: \d\r$/gm)).toEqual(
      ['1', '1', '2', '2', '3', '3'].map((id) => `Content-ID: ${id}\r`),
    );
  });
});

describe('the answer to a multipart batch', () => {
  const [a, b, c] = [item('A'), item('B'), item('C')];

  it('is judged part by part', () => {
    const error = '{"error":{"code":"412","message":{"lang":"en","value":"Precondition Failed"}}}';
    const text = batch(done('1'), http({ status: 412, body: error }), done('3', `W/"datetimeoffset'x'"`));
    expect(read([a, b, c], text)).toEqual({
      records: [
        { kind: 'done', status: 204, etag: 'W/"2"' },
        { kind: 'conflict', status: 412, code: '412', message: 'Precondition Failed' },
        { kind: 'done', status: 204, etag: `W/"datetimeoffset'x'"` },
      ],
      ignored: 0,
    });
  });

  it('takes the ETag of a create from its metadata', () => {
    const body = '{"d":{"id":"A","__metadata":{"etag":"W/\\"7\\""}}}';
    const text = batch(changeset(http({ status: 201, body })));
    expect(read([a], text)?.records).toEqual([{ kind: 'done', status: 201, etag: 'W/"7"' }]);
  });

  it.each([
    ['bare LF', (text: string) => text.replaceAll('\r\n', '\n')],
    ['a preamble and an epilogue', (text: string) => `This is a batch.\r\n${text}Bye --b or not\r\n`],
    ['blanks behind delimiters', (text: string) => text.replaceAll('--b\r\n', '--b  \r\n')],
    ['a wrong Content-Length', (text: string) => text.replaceAll('ETag:', 'Content-Length: 99999\r\nETag:')],
    ['empty lines before a status', (text: string) => text.replaceAll('HTTP/1.1', '\r\nHTTP/1.1')],
    ['no final delimiter of the changeset', (text: string) => text.replaceAll('--cs--', '--cs')],
  ])('is read with %s', (_, damage) => {
    const text = damage(batch(done('1'), http({ status: 412 }), done('3')));
    expect(kinds([a, b, c], text)).toEqual(['done', 'conflict', 'done']);
  });

  it('is read where the header names no boundary, or one in quotes', () => {
    const text = batch(done());
    expect(read([a], text, 'multipart/mixed')?.records).toMatchObject([{ kind: 'done' }]);
    expect(read([a], text, 'multipart/mixed;charset=utf-8;boundary="b"')?.records).toMatchObject([
      { kind: 'done' },
    ]);
  });

  it('leaves in doubt, wherever it is cut off, exactly the records whose answers are not whole', () => {
    const text = batch(done('1'), http({ status: 412, contentId: '2' }), done('3'));
    for (let length = 0; length < text.length; length += 1) {
      const found = kinds([a, b, c], text.slice(0, length)) ?? ['missing', 'missing', 'missing'];
      const whole = found.filter((kind) => kind !== 'missing').length;
      expect(found).toEqual([...['done', 'conflict', 'done'].slice(0, whole), ...found.slice(whole)]);
      expect(found.slice(whole)).toEqual(found.slice(whole).map(() => 'missing'));
    }
    expect(kinds([a, b, c], text.slice(0, text.indexOf('412')))).toEqual(['done', 'missing', 'missing']);
  });

  it('goes by Content-ID where there is one: a record that is left out is missing', () => {
    expect(kinds([a, b, c], batch(done('1'), done('3')))).toEqual(['done', 'missing', 'done']);
    expect(kinds([a, b, c], batch(done('3'), http({ status: 412, contentId: '2' })))).toEqual([
      'missing',
      'conflict',
      'done',
    ]);
  });

  it('takes an error without Content-ID by its place between the others', () => {
    expect(kinds([a, b, c], batch(done('1'), http({ status: 412 }), done('3')))).toEqual([
      'done',
      'conflict',
      'done',
    ]);
    expect(kinds([a, b, c, item('D')], batch(done('1'), http({ status: 412 }), done('4')))).toEqual([
      'done',
      'missing',
      'missing',
      'done',
    ]);
  });

  it('that ends early leaves the rest missing', () => {
    expect(kinds([a, b, c], batch(done(), http({ status: 412 })))).toEqual(['done', 'conflict', 'missing']);
  });

  it('keeps the place of a part that cannot be read', () => {
    expect(kinds([a, b, c], batch(done(), 'nonsense', done()))).toEqual(['done', 'missing', 'done']);
  });

  it('ignores what comes twice or belongs to nothing', () => {
    expect(read([a], batch(done('1'), done('1'), done('9')))).toMatchObject({
      records: [{ kind: 'done' }],
      ignored: 2,
    });
  });

  it.each(['', '{"d":{}}', '--b--', '--b\r\nContent-Type: application/http\r\n\r\n'])(
    'that is %j is none',
    (text) => {
      expect(read([a], text)).toBeUndefined();
    },
  );

  it('says of a locked record that it is a conflict, whatever the status', () => {
    const body = '{"error":{"message":{"value":"Record locked by user SMITH"}}}';
    expect(read([a], batch(http({ status: 400, body })))?.records).toMatchObject([
      { kind: 'conflict', status: 400 },
    ]);
  });
});

describe('a transaction in a multipart batch', () => {
  const group = [item('A', { transaction: 't' }), item('B', { transaction: 't' }), item('C')];

  it('that fails names its culprit; the others were rolled back', () => {
    const text = batch(http({ status: 412, contentId: '2' }), done('3'));
    expect(kinds(group, text)).toEqual(['rolled-back', 'conflict', 'done']);
  });

  it('that fails without a name fails for each', () => {
    expect(kinds(group, batch(http({ status: 412 }), done()))).toEqual(['conflict', 'conflict', 'done']);
  });

  it('that succeeds is done for each', () => {
    const both = changeset(http({ status: 204 }), http({ status: 204 }));
    expect(kinds(group, batch(both, done()))).toEqual(['done', 'done', 'done']);
  });

  it('of which one answer is missing is in doubt', () => {
    const one = changeset(http({ status: 204, contentId: '2' }));
    expect(kinds(group, batch(one, done()))).toEqual(['missing', 'missing', 'done']);
  });

  it('that fails with 5xx may have been written all the same, also those that it does not name', () => {
    const text = batch(http({ status: 500, contentId: '2' }), done('3'));
    expect(kinds(group, text)).toEqual(['missing', 'failed', 'done']);
  });
});

describe('a batch answer without measure', () => {
  const type = 'multipart/mixed; boundary=b';

  it('is read no further than any batch reaches', () => {
    expect(parseMultipart(type, `--b${'\n\nx\n--b'.repeat(20_000)}`)).toHaveLength(10_000);
  });

  it('of empty lines is none', () => {
    const text = `--b\n\n${'\n'.repeat(16_000_000)}\n--b--`;
    expect(readMultipartBatch([], { headers: { 'content-type': type }, text })).toBeUndefined();
  });

  it('of header lines has those of the first 64 kB', () => {
    const [part] =
      parseMultipart(
        type,
        `--b\n${Array.from({ length: 20_000 }, (_, n) => `h${n}: 1\n`).join('')}\n--b--`,
      ) ?? [];
    expect(Object.keys(part?.headers ?? {}).length).toBeLessThan(10_000);
  });
});
