/** Ids and territories whose characters mean something else in a protocol reach the records that they name. */
import { expect, test } from 'vitest';
import { setField } from '../system/published-change.ts';
import { fastWorld, startFastService } from './fast-world.ts';

/** Each of these characters means something in one of the protocols, in a URL, in JSON or in a header. */
const AWKWARD_IDS = [
  "O'Brien",
  "''",
  'say "hello"',
  'one,two',
  ',',
  'a/b/../c',
  '/',
  '..',
  '%2F%27',
  'a b+c',
  '?x=1&y#z',
  "assignments('x')",
  "' or id eq 'A-0",
  '(;$&=@:)',
  '\\u0041\\',
  '\t\n',
  'Größe €😀',
  '0',
  '/'.repeat(128),
];

test.each([
  ['rest', '/territory-api/v1/assignments'],
  ['odata-v4', '/territory-api/v1/assignments'],
  ['rest', '/territory-api/v1/territories/{territoryId}/assignments'],
  ['odata-v4', "/territory-api/v1/Territories('{territoryId}')/assignments"],
])('ids with quotes, commas and slashes reach their records: %s at %s', async (protocol, path) => {
  const territoryId = `N/E, "1" or '2'`;
  const caches = { minLagMs: 40, maxLagMs: 100 };
  const world = await fastWorld({ api: { caches, path, serviceRoot: '/territory-api/v1' } });
  world.api.seedRecords(AWKWARD_IDS.map((id) => ({ territoryId, id, fields: { owner: 'nobody' } })));
  const changes = AWKWARD_IDS.map((id, index) =>
    setField(`change "${index}", of '/'`, territoryId, id, 'owner', `E${index}`),
  );
  const newcomer = { id: "new, 'new' / new", operation: 'create', fields: { owner: 'E-new' } } as const;
  await startFastService(world, { TERRITORY_PROTOCOL: protocol, TERRITORY_PATH: path });
  for (const change of changes) world.publish(change);
  world.publish({ id: 'create', source: '/default/crm/prod', territoryId, assignments: [newcomer] });
  world.publish({
    id: 'delete',
    source: '/default/crm/prod',
    territoryId,
    assignments: [{ id: "O'Brien", operation: 'delete' }],
  });
  await world.untilEnded(changes.length + 2, 15_000);
  const told = world.outcomes().map(({ data }) => [data.change.id, data.outcome]);
  expect(told.filter(([, outcome]) => outcome !== 'applied')).toEqual([]);
  const owners = Object.fromEntries(world.api.records().map(({ id, fields: found }) => [id, found['owner']]));
  const wanted = AWKWARD_IDS.map((id, index) => [id, `E${index}`]).slice(1);
  expect(owners).toEqual(Object.fromEntries([...wanted, [newcomer.id, 'E-new']]));
});
