/** The command line as a person runs it: real processes, in an empty folder, with nothing but their environment. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSandboxMesh, type SandboxMesh } from '../sandbox/mesh/index.ts';
import { startTerritoryApi, type SandboxTerritoryApi } from '../sandbox/territory-api/index.ts';

const COMMAND = fileURLToPath(new URL('../../scripts/territory-sync.mjs', import.meta.url));
const QUEUE = 'default/territory/sync/territory/changes';
const DEAD_LETTERS = 'default/territory/sync/territory/deadletter';

const folder = mkdtempSync(join(tmpdir(), 'territory-sync-cli-'));
let mesh: SandboxMesh;
let api: SandboxTerritoryApi;

beforeAll(async () => {
  [mesh, api] = await Promise.all([startSandboxMesh(), startTerritoryApi({})]);
});
afterAll(async () => {
  await Promise.all([mesh.stop(), api.stop()]);
  rmSync(folder, { recursive: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const bound = (): Record<string, string> => ({
  VCAP_SERVICES: JSON.stringify(mesh.binding()),
  destinations: JSON.stringify([api.destination('TERRITORY_API')]),
});

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = bound(),
  input = '',
): Promise<Ended> {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const code = new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  child.stdin.end(input);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, out, err };
}

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return name;
}

function lines(output: string): readonly string[] {
  return output.split('\n').filter((line) => line !== '');
}

const change = (id: string, owner = 'E1') => ({
  specversion: '1.0',
  id,
  source: '/default/crm/prod',
  type: 'cx.territory.assignments.changed.v1',
  data: { territoryId: 'EMEA', assignments: [{ id: 'T001', fields: { owner } }] },
});

describe('wrong use', () => {
  test('a file that is not there is said in one line, exit code 2', async () => {
    const { code, out, err } = await run(['publish', 'none.json']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(lines(err)).toEqual([
      'territory-sync: none.json cannot be read (ENOENT): give the path of a readable file',
    ]);
  });

  test('wrong settings and bindings are all said, one a line, without a secret', async () => {
    const { code, err } = await run(['mesh', 'setup'], { BATCH_SIZE: 'many' });
    expect(code).toBe(2);
    expect(lines(err)).toEqual([
      expect.stringMatching(/^territory-sync: No mesh is bound: /),
      expect.stringMatching(/^territory-sync: BATCH_SIZE is "many": allowed is /),
    ]);
  });
});

describe('on a fresh mesh', () => {
  test('check finds what is missing, setup brings it, a second setup changes nothing, check is content', async () => {
    const before = await run(['check']);
    expect(before.code).toBe(1);
    expect(lines(before.out).filter((line) => line.startsWith('failed'))).toEqual([
      expect.stringContaining(`queue ${DEAD_LETTERS} does not exist: create it with`),
      expect.stringContaining(`queue ${QUEUE} does not exist`),
    ]);

    const setup = await run(['mesh', 'setup']);
    expect({ code: setup.code, err: setup.err }).toEqual({ code: 0, err: '' });
    expect(lines(setup.out)).toEqual([
      expect.stringContaining(`queue ${DEAD_LETTERS}: created`),
      expect.stringContaining(
        `queue ${QUEUE}: created (accessType EXCLUSIVE, maxRedeliveryCount 0, deadMsgQueue ${DEAD_LETTERS}, maxTtl 604800`,
      ),
      `topic +/+/+/ce/cx/territory/assignments/changed/v1 of queue ${QUEUE}: added`,
    ]);

    const again = await run(['mesh', 'setup', '--json']);
    expect(again.code).toBe(0);
    expect(JSON.parse(again.out)).toMatchObject({
      ok: true,
      product: 'SAP Event Mesh',
      queues: [{ action: 'unchanged' }, { action: 'unchanged' }],
      subscriptions: [{ action: 'present' }],
    });

    const after = await run(['check', '--json']);
    expect(after.code).toBe(0);
    const { findings } = JSON.parse(after.out) as { findings: { what: string; verdict: string }[] };
    expect(findings.map(({ what, verdict }) => `${what} ${verdict}`)).toEqual([
      'settings ok',
      'mesh ok',
      'queues ok',
      'destination ok',
      'api ok',
    ]);
    expect(mesh.consumers(QUEUE)).toEqual({ active: 0, standby: 0 });
  });

  test('obsolete subscriptions go with --prune', async () => {
    mesh.createQueue(QUEUE, { accessType: 'EXCLUSIVE' });
    mesh.subscribe(QUEUE, 'old/topic');
    const pruned = await run(['mesh', 'setup', '--prune']);
    expect(pruned.code).toBe(0);
    expect(pruned.out).toContain(`topic old/topic of queue ${QUEUE}: removed`);
    expect(mesh.publish('old/topic', { body: '' })).toBe(0);
  });

  test('a shared queue is named with what to do, exit code 1', async () => {
    mesh.createQueue('common/queue', { accessType: 'NON_EXCLUSIVE' });
    const { code, err } = await run(['mesh', 'setup'], { ...bound(), MESH_QUEUE: 'common/queue' });
    expect(code).toBe(1);
    expect(lines(err)).toEqual([
      expect.stringMatching(
        /^territory-sync: queue common\/queue: accessType is NON_EXCLUSIVE, should be EXCLUSIVE: .*delete it/,
      ),
    ]);
  });
});

describe('publish', () => {
  const TAKEN = 'taken';
  beforeAll(() => {
    mesh.createQueue(TAKEN);
    mesh.subscribe(TAKEN, 'default/territory/sync/ce/cx/territory/assignments/changed/v1');
    mesh.subscribe(TAKEN, 'mine/to/choose');
  });
  const taken = () => {
    const bodies = mesh
      .peek(TAKEN)
      .map(({ body }) => JSON.parse(body.toString()) as ReturnType<typeof change>);
    mesh.deleteQueue(TAKEN);
    mesh.createQueue(TAKEN);
    mesh.subscribe(TAKEN, 'default/territory/sync/ce/cx/territory/assignments/changed/v1');
    mesh.subscribe(TAKEN, 'mine/to/choose');
    return bodies;
  };

  test('puts all changes of a file on the mesh, in order, and prints their ids', async () => {
    const ids = Array.from({ length: 25 }, (_, index) => `c-${index}`);
    const name = file('changes.ndjson', ids.map((id) => JSON.stringify(change(id))).join('\n'));
    const { code, out, err } = await run(['publish', name]);
    expect({ code, out: lines(out) }).toEqual({ code: 0, out: ids });
    expect(lines(err)).toEqual([
      'territory-sync: 25 of 25 changes published to default/territory/sync/ce/cx/territory/assignments/changed/v1',
    ]);
    expect(taken().map(({ id }) => id)).toEqual(ids);
  });

  test('takes data without an envelope from standard input, to a topic of choice', async () => {
    const { code, out, err } = await run(
      ['publish', '-', '--topic', 'mine/to/choose', '--json'],
      bound(),
      JSON.stringify([change('x').data]),
    );
    expect(code).toBe(0);
    expect(err).toMatch(/the topic mine\/to\/choose fits none of MESH_SUBSCRIPTIONS/);
    const { published } = JSON.parse(out) as { published: { id: string; territoryId: string }[] };
    expect(taken()).toMatchObject([{ id: published[0]?.id, data: { territoryId: 'EMEA' } }]);
  });

  test('sends nothing where one document is no change, and says which and why, without quoting it', async () => {
    const wrong = { ...change('w'), data: { territoryId: 'EMEA', assignments: 'confidential' } };
    const { code, out, err } = await run([
      'publish',
      file('wrong.json', JSON.stringify([change('a'), wrong])),
    ]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(lines(err)).toEqual([
      expect.stringMatching(/^territory-sync: wrong\.json, element 2: assignments /),
      expect.stringMatching(
        /^territory-sync: Nothing was published: 1 of 2 documents are no territory change/,
      ),
    ]);
    expect(err).not.toContain('confidential');
    expect(taken()).toEqual([]);
  });

  test('a mesh that refuses or cannot be reached is said in one line with the reason, exit code 1', async () => {
    const name = file('one.json', JSON.stringify(change('one')));
    mesh.faults.refuseUpgrades(403);
    const forbidden = await run(['publish', name]);
    expect({ code: forbidden.code, out: forbidden.out }).toEqual({ code: 1, out: '' });
    expect(lines(forbidden.err)).toEqual([
      expect.stringMatching(/^territory-sync: The mesh refused the WebSocket upgrade with 403: /),
    ]);

    mesh.faults.answerPublishes({ kind: 'rejected', condition: 'amqp:not-allowed' });
    const denied = await run(['publish', name]);
    expect(denied.code).toBe(1);
    expect(denied.err).toMatch(
      /0 of 1 changes published .*the mesh refuses one \(amqp:not-allowed\): .*topicRules/,
    );
    expect(taken()).toEqual([]);
  });
});

describe('check', () => {
  test('names each trouble in one line and goes on with the rest', async () => {
    mesh.faults.refuseManagement(403, 'until-cleared');
    const { code, out } = await run(['check'], { ...bound(), TERRITORY_DESTINATION: 'ELSEWHERE' });
    mesh.faults.clearFaults();
    expect(code).toBe(1);
    expect(lines(out)).toEqual([
      expect.stringMatching(/^ok {6}settings/),
      expect.stringMatching(/^ok {6}mesh/),
      expect.stringMatching(/^failed {2}queues .*answered 403/),
      expect.stringMatching(/^failed {2}destination .*ELSEWHERE/),
    ]);
  });

  test('looks at a bound Redis, too', async () => {
    const services = JSON.parse(bound()['VCAP_SERVICES'] ?? '{}') as Record<string, unknown>;
    const redis = { name: 'locks', tags: ['redis'], credentials: { uri: 'redis://127.0.0.1:1' } };
    const VCAP_SERVICES = JSON.stringify({ ...services, 'user-provided': [redis] });
    const { code, out } = await run(['check'], { ...bound(), VCAP_SERVICES });
    expect(code).toBe(1);
    expect(lines(out)).toContainEqual(
      expect.stringMatching(/^failed {2}locks .*127\.0\.0\.1:1: ECONNREFUSED/),
    );
  });

  test.each([
    ['rest', {}, 'answers in protocol rest at /territory-api/v1/assignments'],
    ['odata-v4', {}, 'answers in protocol odata-v4 at /territory-api/v1/assignments'],
    [
      'sales-cloud',
      {},
      'answers in protocol sales-cloud at /sap/c4c/api/v1/sales-territory-service/salesTerritories',
    ],
    [
      'sales-cloud',
      { 'territory.path': '/sap/c4c/api/v1/wrong' },
      'sales-cloud at /sap/c4c/api/v1/wrong: 404 for the whole collection; check TERRITORY_PATH, TERRITORY_PROTOCOL',
    ],
  ] as const)(
    'speaks to the API in %s with the properties %j of the destination',
    async (protocol, more, said) => {
      const destination = { ...api.destination('TERRITORY_API'), 'territory.protocol': protocol, ...more };
      const { out } = await run(['check'], { ...bound(), destinations: JSON.stringify([destination]) });
      const found = lines(out).filter((line) => /^\w+ +(?:destination|api)/.test(line));
      expect(found).toEqual([
        expect.stringContaining(
          `TERRITORY_API can be used; over the settings it says territory.protocol ${protocol}`,
        ),
        expect.stringContaining(said),
      ]);
      expect(found[1]?.startsWith('ok')).toBe(Object.keys(more).length === 0);
    },
  );
});
