/** Deployed without a database, the program says in one line what that means; nowhere else does it warn of it. */
import { describe, expect, it } from 'vitest';
import { testNeeding } from '../integration/needing.ts';
import { newDatabase, whyNoServer } from '../integration/postgres-server.ts';
import { closedAfterEach } from '../system/closing.ts';
import { withPostgres } from '../system/postgres-binding.ts';
import { fastWorld, startFastService } from './fast-world.ts';

const DEPLOYED = { VCAP_APPLICATION: JSON.stringify({ application_name: 'sync', space_name: 'prod' }) };
const WARNING = /No PostgreSQL is bound/;

const missing = await whyNoServer();
const open = closedAfterEach();

const warnings = (output: string): readonly string[] =>
  output.split('\n').filter((line) => WARNING.test(line));

describe('The start without PostgreSQL', () => {
  it('warns once where it is deployed: the mode, what is not promised, and what to bind', async () => {
    const service = await startFastService(await fastWorld(), DEPLOYED);
    const [line, ...more] = warnings(service.output());
    expect(more).toEqual([]);
    expect(JSON.parse(line ?? '{}')).toMatchObject({
      level: 'warn',
      msg: expect.stringMatching(/embedded.*Run one instance.*Not promised:.*Bind a postgresql-db service/),
    });
  });

  it('does not warn on a developer’s machine', async () => {
    const service = await startFastService(await fastWorld());
    expect(service.output()).toMatch(/territory-sync is running/);
    expect(warnings(service.output())).toEqual([]);
  });

  testNeeding(missing, 'does not warn where a database is bound', async () => {
    const database = await newDatabase();
    open.push(() => database.drop());
    const world = await fastWorld();
    const bound = withPostgres(world.env(DEPLOYED), database.credentials);
    const service = await startFastService(world, bound);
    expect(service.output()).toMatch(/any number of instances/);
    expect(warnings(service.output())).toEqual([]);
    await service.stop();
  });
});
