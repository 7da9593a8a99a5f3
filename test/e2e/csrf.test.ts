/** An API that lets a write through only with the token of a session: a matter of the protocol, no trouble at all. */
import { afterEach, expect, test } from 'vitest';
import { startCsrfGate, type CsrfGate } from './csrf-gate.ts';
import { fastWorld, startFastService } from './fast-world.ts';
import { expectUnharmed, HUNDREDTH, publishChanges } from './unharmed.ts';

const gates: CsrfGate[] = [];

afterEach(async () => {
  await Promise.all(gates.splice(0).map((gate) => gate.stop()));
});

test.each(['rest', 'odata-v4'])(
  'a token is fetched once, and again when the API has forgotten it (%s)',
  async (protocol) => {
    const world = await fastWorld({ api: HUNDREDTH.api });
    const gate = await startCsrfGate(world.api.url);
    gates.push(gate);
    const service = await startFastService(world, {
      ...HUNDREDTH.settings,
      TERRITORY_PROTOCOL: protocol,
      destinations: JSON.stringify([{ name: 'TERRITORY_API', url: gate.url }]),
    });
    const first = publishChanges(world, 'first', 100);
    await world.untilEnded(100, 10_000);
    const second = publishChanges(world, 'second', 100);
    await world.untilEnded(200, 10_000);
    expect(gate.sessions).toBe(1);
    gate.forget();
    const third = publishChanges(world, 'third', 100);
    await world.untilEnded(300, 10_000);
    expect(gate.sessions).toBe(2);
    // The flights that wrote at the same time without a session, twice.
    expect(gate.turnedAway).toBeLessThanOrEqual(2 * HUNDREDTH.flights);
    expectUnharmed(world, [...first, ...second, ...third]);
    expect(service.output()).not.toMatch(/\b(?:WARN|ERROR)\b/);
  },
);
