/**
 * Every fault of a network, a broker and a token endpoint in every state of the connection, in random sequences with traffic both
 * ways; time-outs at a hundredth. 200 sequences, each cell ten times: minutes. SHORT=1: each cell once, half a minute.
 * SEED=n deals another order; SEQUENCE=n runs one of them only.
 */
import { expect, test } from 'vitest';
import { SeededRandom } from '../sandbox/territory-api/seeded-random.ts';
import { possible, printTable, tableFaults, type Cell } from './mesh/cells.ts';
import { deal } from './mesh/sequences.ts';
import { isTerminal, strike } from './mesh/strikes.ts';
import { SPEED, World } from './mesh/world.ts';

const SHORT = process.env['SHORT'] === '1';
const SEED = Number(process.env['SEED'] ?? 1);
const SEQUENCES = SHORT ? 12 : 200;
const TIMES = SHORT ? 1 : 10;
/** Tries to catch a state that was missed. */
const TRIES = 5;
/** 0.5, 1, 2, 4, 8, 15 s of least wait, then every 15 s; a connection that lasts a minute starts anew. */
const ATTEMPTS_PER_MINUTE = 20;

const struck = new Map<string, number>();
const key = ({ fault, state }: Cell): string => `${fault} / ${state}`;
const countOf = (cell: Cell): number => struck.get(key(cell)) ?? 0;
const figures = { attempts: 0, renewals: 0, perMinute: 0 };

const warnings: string[] = [];
process.on('warning', (warning) => void warnings.push(warning.message));

/** Sockets of this process. (Timers are counted by the clock: the layer has no others.) */
function sockets(): readonly string[] {
  return process.getActiveResourcesInfo().filter((kind) => /TCP|TLS/u.test(kind));
}

async function run(world: World, cells: readonly Cell[]): Promise<readonly string[]> {
  if (cells[0]?.state !== 'idle') world.mesh.start();
  for (const cell of cells) {
    let tries = 0;
    while (!(await strike(world, cell)))
      if (++tries === TRIES) throw new Error(`missed ${TRIES} times: ${key(cell)}`);
    struck.set(key(cell), countOf(cell) + 1);
    if (cell.state === 'idle') world.mesh.start();
    if (!isTerminal(cell)) await world.flowGoesOn();
  }
  const faults = await world.finish();
  figures.attempts += world.attempts.count;
  figures.renewals += world.attempts.renewals;
  figures.perMinute = Math.max(figures.perMinute, world.attempts.perMinute(SPEED));
  return faults;
}

test('the page names every fault and gives a reason for every impossible cell', () => {
  expect(tableFaults()).toEqual([]);
});

const sequences = deal(SEQUENCES, TIMES, new SeededRandom(SEED, 'deal'));
const only = process.env['SEQUENCE'];

test.each(
  sequences
    .map((cells, index) => ({ index, cells }))
    .filter(({ index }) => only === undefined || index === Number(only)),
)(
  'sequence $index: the flow goes on by itself, nothing is lost, nothing is left',
  async ({ index, cells }) => {
    const world = await World.start(SEED * 1_000 + index);
    const story = cells.map(key).join(', ');
    const faults = await run(world, cells).catch(async (error: unknown) => {
      await world.close();
      return [String(error)];
    });
    expect(faults, `SEED=${SEED} SEQUENCE=${index}: ${story}`).toEqual([]);
    await expect.poll(sockets, { timeout: 10_000 }).toEqual([]);
  },
);

test.skipIf(only !== undefined)('each fault has struck in every state in which it can', () => {
  const { attempts, renewals, perMinute } = figures;
  console.log(
    `${printTable(countOf)}\n${SEQUENCES} sequences of seed ${SEED}: ${attempts} attempts, ${renewals} renewals, ` +
      `at most ${perMinute} attempts in a minute (of a clock ${SPEED} times as fast)`,
  );
  expect(possible.filter((cell) => countOf(cell) < TIMES)).toEqual([]);
  expect(figures.perMinute).toBeLessThanOrEqual(ATTEMPTS_PER_MINUTE);
  expect(warnings).toEqual([]);
});
