/**
 * Two hours of the whole program while one after the other of what it depends on is out: what people are told is exactly what happened.
 * The program judges by what it notices itself; nothing tells it of an outage.
 */
import { expect, test } from 'vitest';
import { logChannel } from '../../srv/alerts/log-channel.ts';
import { MemoryAlertBook } from '../../srv/alerts/memory-book.ts';
import type { AlertChannel, AlertNotice } from '../../srv/alerts/port.ts';
import { noticeOf } from '../../srv/monitor/alerts/notice.ts';
import { AlertTeller } from '../../srv/monitor/alerts/teller.ts';
import { AlertWatch } from '../../srv/monitor/alerts/watch.ts';
import { Availability } from '../../srv/platform/availability.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { PlannedOutages, type Outage } from './scenarios/outages.ts';
import { CALM } from './world/circumstances.ts';
import { settled } from './world/guard.ts';
import { changeOn } from './world/territories.ts';
import { Timeline } from './world/timeline.ts';
import { Trace } from './world/trace.ts';
import { World, type Instance } from './world/world.ts';

const minutes = (count: number): number => count * 60_000;

/** Something to do every quarter of a minute, so that each outage is met. */
const EVERY_MS = 15_000;
const LENGTH_MS = minutes(135);

function out(kind: Outage['kind'], fromMinute: number, forMinutes: number): Outage {
  return { kind, fromMs: minutes(fromMinute), toMs: minutes(fromMinute + forMinutes) };
}

/** A link is lost, and nobody is let in again. */
const meshOut = (fromMinute: number, forMinutes: number): readonly Outage[] => [
  out('link-lost', fromMinute, forMinutes),
  out('mesh-outage', fromMinute, forMinutes),
];

/** The alert service is not the world's. */
const ALERT_SERVICE = { fromMs: minutes(95), toMs: minutes(106) };

const OUTAGES: readonly Outage[] = [
  // Shorter than it takes to raise anything.
  ...meshOut(5, 0.5),
  ...meshOut(15, 5),
  out('api-outage', 30, 5),
  out('lock-outage', 45, 5),
  out('journal-outage', 60, 5),
  // Named with its end, hence no overload.
  out('quota', 75, 15),
  // While nobody can be told, Redis comes and goes and the mesh stays away: what is told afterwards is how things are then.
  out('lock-outage', 96, 3),
  ...meshOut(101, 8),
  // Two at a time.
  ...meshOut(118, 5),
  out('api-outage', 118, 6),
];

test('two hours with an outage of each dependency tell exactly what happened, in order', async () => {
  const timeline = new Timeline();
  const faults = new PlannedOutages(OUTAGES, timeline);
  const publications = Array.from({ length: LENGTH_MS / EVERY_MS }, (_, index) =>
    changeOn(`territory-${index % CALM.territories}`, index, index * EVERY_MS),
  );
  const circumstances = { ...CALM, locks: 'bound' } as const;
  const trace = new Trace(timeline, 'hash');
  const world = new World({ seed: 1, circumstances, timeline, faults, trace, publications });
  world.start();
  const alerts = watchOver(world.instances.get('A') as Instance, timeline);
  await settled();
  while (timeline.step(LENGTH_MS)) await settled();
  await alerts.stop();

  expect(world.verdict.violation).toBeUndefined();
  expect(world.instances.size).toBe(1);
  expect(alerts.told).toEqual([
    'raised MeshDisconnected',
    'recovered MeshDisconnected',
    'raised ApiUnavailable',
    'recovered ApiUnavailable',
    'raised LockStoreUnavailable',
    'recovered LockStoreUnavailable',
    'raised JournalUnavailable',
    'recovered JournalUnavailable',
    'raised ApiQuotaExhausted',
    'raised BacklogGrowing',
    'recovered BacklogGrowing',
    'recovered ApiQuotaExhausted',
    'recovered LockStoreUnavailable',
    'raised MeshDisconnected',
    'recovered MeshDisconnected',
    'raised MeshDisconnected',
    'raised ApiUnavailable',
    'recovered MeshDisconnected',
    'recovered ApiUnavailable',
  ]);
  for (const kind of ['mesh-outage', 'api-outage', 'lock-outage', 'journal-outage', 'quota'] as const) {
    expect(faults.counts.get(kind), kind).toBeGreaterThan(0);
  }
  world.end();
});

/** As the program's start puts it together, with an alert service that is out as planned. */
function watchOver({ app, journal, process }: Instance, timeline: Timeline) {
  const { clock, random } = process;
  const log = createRecordingLog();
  const told: string[] = [];
  const channel: AlertChannel = {
    name: 'The alert service',
    async send({ status, eventType }: AlertNotice) {
      const { nowMs } = timeline;
      if (nowMs >= ALERT_SERVICE.fromMs && nowMs < ALERT_SERVICE.toMs) {
        return { kind: 'unavailable', reason: 'it answered 503' };
      }
      told.push(`${status} ${eventType.replace('TerritorySync', '')}`);
      return { kind: 'accepted' };
    },
  };
  const book = new MemoryAlertBook(clock);
  const teller = new AlertTeller({
    book,
    log: logChannel(log),
    channel,
    notice: (record) => noticeOf(record, { application: 'app', space: 'dev', consoleUrl: undefined }),
    clock,
    random,
    lines: log,
  });
  const database = new Availability(clock, log, { back: 'the database answers', outage: 'it does not' });
  const watch = new AlertWatch({
    book,
    observe: async () => {
      await journal.figures().then(
        () => database.answered(),
        (error: unknown) => database.failed(String(error)),
      );
      return { ...(await app.observe()), journal: database.check(), queue: { status: 'UP', since: 0 } };
    },
    tell: () => void teller.tell(),
    instance: 'A',
    raiseAfterMs: { MeshDisconnected: 60_000 },
    clock,
    log,
  });
  watch.start();
  return {
    told,
    async stop() {
      await watch.stop();
      await teller.stop();
    },
  };
}
