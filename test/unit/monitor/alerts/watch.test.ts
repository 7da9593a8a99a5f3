import { afterEach, describe, expect, test } from 'vitest';
import { MemoryAlertBook } from '../../../../srv/alerts/memory-book.ts';
import { ALERT_NAMES, type AlertName } from '../../../../srv/monitor/alerts/catalogue.ts';
import { ManualClock } from '../../../doubles/manual-clock.ts';
import { alertStage, wellState, type State, type StageOptions } from './alert-stage.ts';

type Stage = ReturnType<typeof alertStage>;

const stages: Stage[] = [];
afterEach(async () => {
  const all = stages.splice(0);
  for (const stage of all) await stage.stop();
  for (const stage of all) {
    expect(stage.clock.pendingTimers).toBe(0);
    expect(stage.log.lines.filter(({ message }) => message.includes('defect'))).toEqual([]);
  }
});

function start(options: StageOptions = {}): Stage {
  const stage = alertStage(options);
  stages.push(stage);
  stage.watch.start();
  return stage;
}

const down = { status: 'DOWN', since: 0, reason: 'ECONNREFUSED' } as const;
const trouble = (reason: 'unavailable' | 'forbidden', status: number) => ({
  state: 'open' as const,
  trouble: { reason, status, message: `the API answered ${status}` },
});
const minutes = (...backlogs: readonly number[]) =>
  backlogs.map((backlog, at) => ({
    at,
    received: 0,
    applied: 0,
    unchanged: 0,
    superseded: 0,
    failed: 0,
    writes: 0,
    conflicts: 0,
    backlog,
  }));

/** What makes each alert raise; it recovers where all is well again. */
const CAUSES: Readonly<Record<AlertName, (stage: Stage, state: State) => void>> = {
  ConflictRateHigh: (_, state) =>
    (state.conflicts = { rate: 0.2, writes: 100, conflicted: 20, windowSeconds: 300, alert: true }),
  DeadLetter: (stage, state) => {
    state.deadLetters = 2;
    stage.watch.happened('DeadLetter', 2, '');
  },
  DeadLetterExpiring: (stage, state) => {
    state.deadLetters = 1;
    stage.watch.happened('DeadLetterExpiring', 1, '1 expire within a week');
  },
  ApiUnavailable: (_, state) => (state.api = trouble('unavailable', 503)),
  ApiQuotaExhausted: (_, state) => (state.api = { ...trouble('unavailable', 429), state: 'quota' }),
  ApiBudget: (_, state) => (state.budget = { limit: 1000, used: 900 }),
  MeshDisconnected: (_, state) => (state.mesh = { state: 'waiting', since: 0, reason: 'ECONNREFUSED' }),
  MessageUnreadable: (_, state) =>
    (state.mesh = {
      state: 'open',
      since: 0,
      unreadable: { queues: ['q'], since: 0, times: 3, message: 'the oldest message of q' },
    }),
  LockStoreUnavailable: (_, state) => (state.lock = down),
  JournalUnavailable: (_, state) => (state.journal = down),
  QueueNotExclusive: (_, state) => (state.queue = down),
  BacklogGrowing: (_, state) =>
    (state.backlog = { minutes: minutes(1, 2, 3, 4, 5, 6, 0), oldestAgeMs: 601_000 }),
  LaneHeld: (_, state) => (state.held = { count: 1, territories: ['EMEA'] }),
  ConfigurationSuspect: (_, state) => (state.api = trouble('forbidden', 403)),
  OutcomeRefused: (stage) => stage.watch.happened('OutcomeRefused', 1, 'not allowed'),
};

test.each(ALERT_NAMES)('%s is raised once by its cause, and recovers with it', async (name) => {
  const stage = start();
  await stage.elapse(20);
  CAUSES[name](stage, stage.state);
  await stage.elapse(1200);
  Object.assign(stage.state, wellState(stage.clock));
  await stage.elapse(4000);
  const key = name === 'LaneHeld' ? 'LaneHeld/EMEA' : name;
  // A dead letter that expires is an open one, too.
  const isOther = (word: string) => name === 'DeadLetterExpiring' && word.endsWith(' DeadLetter');
  expect(stage.story().filter((word) => !isOther(word))).toEqual([`raised ${key}`, `recovered ${key}`]);
  const ids = stage.sent.map(({ sourceEventId }) => sourceEventId);
  expect(ids.filter((id) => id === `territory-sync/app/dev/TerritorySync${key}`)).toHaveLength(2);
  const told = stage.log.lines.filter(({ fields }) => fields?.['alert'] === `TerritorySync${name}`);
  expect(told.map(({ fields }) => fields?.['alertStatus'])).toEqual(['raised', 'recovered']);
});

test('more than two hours with an outage of each dependency tell exactly what happened, in order', async () => {
  const stage = start();
  const { state } = stage;
  const outage = async (cause: () => void, seconds: number) => {
    await stage.elapse(300);
    cause();
    await stage.elapse(seconds);
    Object.assign(state, wellState(stage.clock));
    await stage.elapse(600 - (seconds % 300));
  };
  // Shorter than it takes to raise anything.
  await outage(() => (state.mesh = { state: 'waiting', since: 0 }), 30);
  await outage(() => (state.mesh = { state: 'waiting', since: 0 }), 300);
  await outage(() => (state.api = trouble('unavailable', 503)), 600);
  await outage(() => (state.lock = down), 300);
  await outage(() => (state.journal = down), 300);
  await outage(() => (state.api = { ...trouble('unavailable', 429), state: 'quota' }), 900);
  // The alert service itself, while Redis comes and goes and the mesh stays away: what is told afterwards is how things are then.
  await stage.elapse(300);
  stage.channel.answer = { kind: 'unavailable', reason: 'it answered 503' };
  state.lock = down;
  await stage.elapse(120);
  state.lock = wellState(stage.clock).lock;
  state.mesh = { state: 'waiting', since: 0 };
  await stage.elapse(180);
  expect(stage.story()).toHaveLength(10);
  stage.channel.answer = { kind: 'accepted' };
  await stage.elapse(120);
  Object.assign(state, wellState(stage.clock));
  await stage.elapse(180);
  // Mesh and API at a time.
  await outage(() => {
    state.mesh = { state: 'waiting', since: 0 };
    state.api = trouble('unavailable', 503);
  }, 300);
  expect(stage.clock.monotonicMs()).toBeGreaterThan(2 * 3_600_000);
  expect(stage.story()).toEqual([
    'raised MeshDisconnected',
    'recovered MeshDisconnected',
    'raised ApiUnavailable',
    'recovered ApiUnavailable',
    'raised LockStoreUnavailable',
    'recovered LockStoreUnavailable',
    'raised JournalUnavailable',
    'recovered JournalUnavailable',
    'raised ApiQuotaExhausted',
    'recovered ApiQuotaExhausted',
    'recovered LockStoreUnavailable',
    'raised MeshDisconnected',
    'recovered MeshDisconnected',
    'raised ApiUnavailable',
    'raised MeshDisconnected',
    'recovered ApiUnavailable',
    'recovered MeshDisconnected',
  ]);
});

describe('The mesh', () => {
  test('is missed after MESH_DISCONNECTED_ALERT_S, and back when it has been back for half a minute', async () => {
    const stage = start();
    stage.state.mesh = { state: 'waiting', since: 0 };
    await stage.elapse(59);
    expect(stage.story()).toEqual([]);
    await stage.elapse(11);
    expect(stage.story()).toEqual(['raised MeshDisconnected']);
    stage.state.mesh = { state: 'open', since: 0 };
    await stage.elapse(29);
    expect(stage.story()).toHaveLength(1);
    await stage.elapse(21);
    expect(stage.story()).toEqual(['raised MeshDisconnected', 'recovered MeshDisconnected']);
  });

  test('that comes and goes is one alert', async () => {
    const stage = start();
    for (let round = 0; round < 20; round += 1) {
      stage.state.mesh = { state: 'waiting', since: 0 };
      await stage.elapse(50);
      stage.state.mesh = { state: 'open', since: 0 };
      await stage.elapse(10);
    }
    expect(stage.story()).toEqual(['raised MeshDisconnected']);
  });
});

describe('Dead letters', () => {
  test('are told of at once, then at most once a minute with their number', async () => {
    const stage = start();
    await stage.elapse(5);
    for (let second = 0; second < 180; second += 1) {
      stage.state.deadLetters = (stage.state.deadLetters ?? 0) + 5;
      stage.watch.happened('DeadLetter', 5, '');
      await stage.elapse(1);
    }
    expect(stage.sent[0]?.atS).toBeLessThanOrEqual(6);
    expect(stage.story().slice(0, 2)).toEqual(['raised DeadLetter', 'updated DeadLetter']);
    expect(stage.sent.length).toBeGreaterThanOrEqual(3);
    expect(stage.sent.length).toBeLessThanOrEqual(4);
    for (const [at, { atS }] of stage.sent.entries()) {
      expect(atS - (stage.sent[at - 1]?.atS ?? -60)).toBeGreaterThanOrEqual(60);
    }
    expect(Number(stage.sent.at(-1)?.figures['count'])).toBeGreaterThan(500);
  });

  test('recover when none is open', async () => {
    const stage = start();
    stage.state.deadLetters = 1;
    await stage.elapse(30);
    stage.state.deadLetters = undefined;
    await stage.elapse(600);
    expect(stage.story()).toEqual(['raised DeadLetter']);
    stage.state.deadLetters = 0;
    await stage.elapse(30);
    expect(stage.story()).toEqual(['raised DeadLetter', 'recovered DeadLetter']);
  });
});

test('each held territory has an alert of its own', async () => {
  const stage = start();
  stage.state.held = { count: 2, territories: ['A', 'B'] };
  await stage.elapse(20);
  stage.state.held = { count: 1, territories: ['B'] };
  await stage.elapse(20);
  stage.state.held = undefined;
  await stage.elapse(20);
  expect(stage.story()).toEqual(['raised LaneHeld/A', 'raised LaneHeld/B', 'recovered LaneHeld/A']);
});

test('more alerts at once than are taken at a time are all told', async () => {
  const stage = start();
  const territories = Array.from({ length: 100 }, (_, index) => `T${index}`);
  stage.state.held = { count: territories.length, territories };
  await stage.elapse(20);
  expect(stage.story().toSorted()).toEqual(territories.map((name) => `raised LaneHeld/${name}`).toSorted());
});

describe('A backlog', () => {
  test.each([
    ['of five growing minutes is no alert while nothing waits for long', [1, 2, 3, 4, 5, 6, 0], 599_000],
    ['that has not grown in one of five minutes is none', [1, 2, 3, 3, 5, 6, 0], 900_000],
    ['whose last, growing minute is not over is none yet', [5, 1, 2, 3, 4, 5, 6], 900_000],
  ])('%s', async (_, levels, oldestAgeMs) => {
    const stage = start();
    stage.state.backlog = { minutes: minutes(...levels), oldestAgeMs };
    await stage.elapse(60);
    expect(stage.story()).toEqual([]);
  });

  test('that stops growing is an alert until it shrinks', async () => {
    const stage = start();
    CAUSES.BacklogGrowing(stage, stage.state);
    await stage.elapse(20);
    stage.state.backlog = { minutes: minutes(2, 3, 4, 5, 6, 6, 0), oldestAgeMs: 601_000 };
    await stage.elapse(20);
    expect(stage.story()).toEqual(['raised BacklogGrowing']);
    stage.state.backlog = { minutes: minutes(5, 5, 5, 5, 5, 4, 0), oldestAgeMs: 601_000 };
    await stage.elapse(20);
    expect(stage.story()).toEqual(['raised BacklogGrowing', 'recovered BacklogGrowing']);
  });
});

describe('While the channel takes nothing for an hour', () => {
  test('nothing is lost: the newest state of each alert is told afterwards, and it is not asked too often', async () => {
    const stage = start();
    stage.channel.answer = { kind: 'unavailable', reason: 'it answered 503' };
    stage.state.deadLetters = 1;
    stage.state.lock = down;
    await stage.elapse(600);
    stage.state.lock = wellState(stage.clock).lock;
    await stage.elapse(3000);
    expect(stage.sent).toEqual([]);
    expect(stage.channel.calls).toBeLessThan(130);
    stage.channel.answer = { kind: 'accepted' };
    await stage.elapse(120);
    expect(stage.story().sort()).toEqual(['raised DeadLetter', 'recovered LockStoreUnavailable']);
    const warnings = stage.log.lines.filter(({ message }) => message.includes('takes no alerts'));
    expect(warnings).toHaveLength(1);
  });

  test('it is left alone for as long as it asks for', async () => {
    const stage = start();
    stage.channel.answer = { kind: 'unavailable', reason: 'it answered 429', retryAfterMs: 600_000 };
    stage.state.deadLetters = 1;
    await stage.elapse(590);
    expect(stage.channel.calls).toBe(1);
    await stage.elapse(30);
    expect(stage.channel.calls).toBe(2);
  });
});

test('a notice that is refused for good is said in the log, and not sent again', async () => {
  const stage = start();
  stage.channel.answer = { kind: 'refused', reason: 'it answered 400' };
  stage.state.deadLetters = 1;
  await stage.elapse(120);
  expect(stage.channel.calls).toBe(1);
  expect(stage.log.lines).toContainEqual(
    expect.objectContaining({ level: 'error', message: expect.stringContaining('refuses an alert') }),
  );
});

describe('Two instances on one book', () => {
  test('raise and end an alert once, when the last of them has recovered', async () => {
    const clock = new ManualClock();
    const book = new MemoryAlertBook(clock);
    const one = start({ clock, book, instance: 'one' });
    const two = start({ clock, book, instance: 'two' });
    one.state.lock = down;
    two.state.lock = down;
    await clock.elapse(60_000);
    one.state.lock = wellState(clock).lock;
    await clock.elapse(600_000);
    expect([...one.story(), ...two.story()]).toEqual(['raised LockStoreUnavailable']);
    two.state.lock = wellState(clock).lock;
    await clock.elapse(60_000);
    expect([...one.story(), ...two.story()].sort()).toEqual([
      'raised LockStoreUnavailable',
      'recovered LockStoreUnavailable',
    ]);
    await one.stop();
  });

  test('an alert outlives a restart: it is not raised again, and it is ended', async () => {
    const clock = new ManualClock();
    const book = new MemoryAlertBook(clock);
    const before = start({ clock, book, instance: 'before' });
    before.state.lock = down;
    await clock.elapse(60_000);
    await before.stop();
    const after = start({ clock, book, instance: 'after', state: before.state });
    await clock.elapse(60_000);
    expect(after.story()).toEqual([]);
    after.state.lock = wellState(clock).lock;
    await clock.elapse(600_000);
    expect(after.story()).toEqual(['recovered LockStoreUnavailable']);
  });
});

test('a role that is revoked while reads are answered raises ConfigurationSuspect: the breaker is closed at most looks', async () => {
  const stage = start();
  const { state } = stage;
  const { trouble: refusal } = trouble('forbidden', 403);
  await stage.elapse(20);
  state.api = { state: 'closed', trouble: undefined, refusesWrites: refusal };
  await stage.elapse(60);
  state.api = { state: 'closed', trouble: undefined };
  await stage.elapse(60);
  expect(stage.story()).toEqual(['raised ConfigurationSuspect', 'recovered ConfigurationSuspect']);
});
