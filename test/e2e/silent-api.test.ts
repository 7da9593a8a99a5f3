/**
 * The API takes requests and says nothing, for a minute (at a hundredth of real times). Nobody can know what
 * it did with the writes, and still each change is written once.
 */
import { expect, test } from 'vitest';
import type { Fault } from '../sandbox/territory-api/index.ts';
import { fastWorld, startFastService } from './fast-world.ts';
import { expectUnharmed, HUNDREDTH, lasting, publishChanges } from './unharmed.ts';

interface Silence extends Pick<Extract<Fault, { kind: 'no-answer' }>, 'how' | 'effect'> {
  readonly idempotency: 'per-record' | 'off';
}

test.each<Silence>([
  { how: 'destroy', effect: 'not-written', idempotency: 'off' },
  { how: 'destroy', effect: 'written', idempotency: 'per-record' },
  { how: 'silence', effect: 'not-written', idempotency: 'per-record' },
  { how: 'silence', effect: 'written', idempotency: 'off' },
])(
  'answers that end in "$how", $effect, cost no change and repeat none (idempotency keys $idempotency)',
  async ({ how, effect, idempotency }) => {
    const world = await fastWorld({ api: { ...HUNDREDTH.api, idempotency } });
    await startFastService(world, { ...HUNDREDTH.settings, TERRITORY_TIMEOUT_MS: '300' });
    // Reads come through at first, so that it is the writes that nobody hears of again.
    const onWrites = world.api.faults.inject({ kind: 'no-answer', on: 'write', how, effect });
    const before = publishChanges(world, 'before', 100);
    await expect.poll(() => onWrites.hits, { interval: 2, timeout: 10_000 }).toBeGreaterThan(0);
    const onAll = world.api.faults.inject({ kind: 'no-answer', how, effect });
    const during = publishChanges(world, 'during', 100);
    await lasting(600);
    expect(onAll.hits).toBeGreaterThan(0);
    onWrites.remove();
    onAll.remove();
    await world.untilEnded(before.length + during.length, 10_000);
    expectUnharmed(world, [...before, ...during]);
    expect(world.api.stats().keyReused422).toBe(0);
  },
);
