/** Neither a token nor a payload ever stands in a log line, an answer, an error, or on standard output. */
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NEVER, startApiUnderTest, update } from './api-under-test.ts';
import type { ApiUnderTest } from './api-under-test.ts';
import { setDestination } from './small-server.ts';
import type { Answering } from './small-server.ts';

const PASSWORD = 'hunter2-hunter2';
const BASIC = Buffer.from(`user:${PASSWORD}`).toString('base64');
const PAYLOAD = 'Rosalind Franklin';
const NUMBER = 48_151_623;
const SECRETS = [PASSWORD, BASIC, PAYLOAD, String(NUMBER)];

let under: ApiUnderTest | undefined;
afterEach(async () => {
  vi.restoreAllMocks();
  await under?.stop();
  under = undefined;
});

/** An API that repeats all it was told, as error pages and validators do. */
const echo =
  (status: number): Answering =>
  ({ headers, body }) => ({
    status,
    headers: { 'retry-after': '1', location: `/?t=${headers.authorization}` },
    body: { error: { code: `${headers.authorization}`, message: `${headers.authorization} sent ${body}` } },
  });
const echoPerRecord: Answering = ({ headers, body }) => {
  const error = { code: PAYLOAD, message: `${PAYLOAD} and ${NUMBER} from ${headers.authorization}: ${body}` };
  const results = ['T1', 'T2'].map((id, index) => ({ id, status: index === 0 ? 400 : 500, error }));
  return {
    body: {
      results,
      responses: results.map((result, index) => ({ ...result, id: String(index), body: { error } })),
    },
  };
};

const cases: readonly (readonly [string, Answering])[] = [
  ...[200, 302, 400, 401, 403, 404, 405, 409, 412, 413, 422, 428, 429, 500, 503].map(
    (status) => [`${status} with an echo`, echo(status)] as const,
  ),
  ['errors per record with an echo', echoPerRecord],
  ['a broken connection', () => ({ cut: 'before' })],
  ['a broken answer', () => ({ cut: 'within', body: { some: PAYLOAD } })],
  ['no answer', () => 'silence'],
];

describe.each(['rest', 'odata-v4', 'sales-cloud'] as const)('with protocol %s and', (protocol) => {
  it.each(cases)('%s, nothing secret is kept', async (_, answer) => {
    const printed: string[] = [];
    for (const stream of [process.stdout, process.stderr]) {
      vi.spyOn(stream, 'write').mockImplementation((chunk) => {
        printed.push(String(chunk));
        return true;
      });
    }
    under = await startApiUnderTest({ protocol, timeoutMs: 200 }, answer);
    const destination = {
      name: 'TERRITORY_API',
      url: under.server.url,
      username: 'user',
      password: PASSWORD,
    };
    setDestination(destination);
    const fields = { owner: PAYLOAD, quota: NUMBER };
    const records = [update('T1', { fields }), update('T2', { fields })];
    const answers = [
      await under.api.write(records, NEVER),
      await under.api.write(records.slice(0, 1), NEVER),
      await under.api.read({ records, fields: ['owner'], pastCache: true }, NEVER),
      await under.api.probe(NEVER),
    ];
    expect(under.server.asked[0]?.headers.authorization).toBe(`Basic ${BASIC}`);
    expect(under.server.asked[0]?.body).toContain(PAYLOAD);
    expect(under.log.lines.length).toBeGreaterThan(0);

    const kept = inspect([answers, under.log.lines, under.observed, printed], {
      depth: 20,
      maxStringLength: null,
    });
    for (const secret of SECRETS) expect(kept).not.toContain(secret);
  });
});
