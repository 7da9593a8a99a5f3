/** SAP Alert Notification goes away while a service has alerts to tell, and comes back. */
import { expect, test } from 'vitest';
import { wayTo, type Way } from '../integration/postgres-outage.ts';
import { closedAfterEach } from '../system/closing.ts';
import { startStage } from './alert-stage.ts';

const PATIENCE = { timeout: 40_000, interval: 50 };

const open = closedAfterEach();

test('what happens while the alert service is away is told once it is back, each alert by its newest state', async () => {
  let way: Way | undefined;
  const { world, service, alerts, change } = await startStage(
    open,
    {},
    (made) => made.env(),
    async (url) => {
      way = await wayTo(url);
      open.push(async () => way?.stop());
      return new URL(way.credentials.uri).origin;
    },
  );
  const told = () =>
    alerts.events.map(({ eventType, tags }) => ({
      eventType,
      status: tags['ans:status'],
      open: tags['open'],
    }));
  const logged = (line: RegExp) => service.output().match(line)?.length ?? 0;
  const raised = { eventType: 'TerritorySyncDeadLetter', status: 'CREATE_OR_UPDATE' };

  change(1, { unknown: true });
  change(1);
  await expect.poll(told, PATIENCE).toEqual([{ ...raised, open: '1' }]);

  way?.close();
  for (let ended = 2; ended < 8; ended += 2) {
    change(1, { unknown: true });
    change(1);
    await world.untilEnded(ended + 2, 20_000);
  }
  // Begins and ends while nobody can be told.
  const trouble = world.api.faults.inject({ kind: 'status', status: 503 });
  change(1);
  await expect.poll(() => logged(/Alert: .*API/g), PATIENCE).toBeGreaterThan(0);
  trouble.remove();
  await world.untilEnded(9, 20_000);
  await expect.poll(() => logged(/Alert recovered: .*API/g), PATIENCE).toBeGreaterThan(0);
  expect(told()).toHaveLength(1);

  way?.open();
  await expect.poll(() => told().length, PATIENCE).toBe(3);
  await expect.poll(() => logged(/takes alerts again/g), PATIENCE).toBe(1);
  expect(new Set(told().slice(1))).toEqual(
    new Set([
      { ...raised, open: '4' },
      { eventType: 'TerritorySyncApiUnavailable', status: 'CLOSE', open: undefined },
    ]),
  );
  expect(logged(/takes no alerts; they are kept/g)).toBe(1);
  expect(alerts.faults).toEqual([]);
}, 120_000);
