/** What intake makes of messages that cannot be read, with the embedded journal behind it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deadLetterId } from '../../../srv/events/outcome.ts';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import { JournalUnavailable } from '../../../srv/journal/port.ts';
import { createArrivals } from '../../../srv/lanes/arrivals.ts';
import { createEndings } from '../../../srv/lanes/ending.ts';
import { Intake } from '../../../srv/lanes/intake.ts';
import type { Delivery } from '../../../srv/mesh/port.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';
import { structured } from '../events/sample-events.ts';

const REF = { source: '/default/crm/prod', id: '7d0c' };
const QUEUES = { successTopic: 'ok', failureTopic: 'failed', deadLetterQueue: 'letters' };

let clock: ManualClock;
let journal: MemoryJournal;
let intake: Intake;

beforeEach(() => {
  clock = new ManualClock();
  journal = new MemoryJournal({ clock });
  const endings = createEndings({
    sender: { source: '/me', eventTypePrefix: 'cx.territory' },
    clock,
    ...QUEUES,
  });
  const inbound = { queue: 'changes', eventType: 'cx.territory.assignments.changed.v1' };
  intake = new Intake({
    journal,
    clock,
    log: createRecordingLog(),
    arrivals: createArrivals(inbound, endings),
  });
  intake.attached(1);
});

afterEach(() => intake.close());

function deliver(overrides: Record<string, unknown>, link = 1): { accepted: number } {
  const delivery: Delivery & { accepted: number } = {
    accepted: 0,
    link,
    message: { deliveryCount: 0, ...structured(overrides) },
    accept() {
      this.accepted += 1;
      return 'settled';
    },
    release: () => 'settled',
    reject: () => 'settled',
  };
  intake.delivery(delivery);
  return delivery;
}

/** Ids of the dead letters and of the failed events that wait to be sent. */
async function told(): Promise<{ letters: string[]; events: string[] }> {
  const messages = await journal.takeUnsent(100);
  const idsOf = (kind: string) => messages.filter((one) => one.kind === kind).map(({ id }) => id);
  return { letters: idsOf('dead-letter'), events: idsOf('outcome') };
}

test('two unreadable payloads under one source and id are two dead letters; the first has the promised id', async () => {
  deliver({ data: 1 });
  deliver({ data: 2 });
  await clock.elapse(10);
  const { letters, events } = await told();
  expect(letters).toHaveLength(2);
  expect(letters[0]).toBe(deadLetterId(REF, 0));
  expect(new Set(letters).size).toBe(2);
  expect(new Set(events).size).toBe(2);
});

test('either of them that comes again on the link is the same dead letter, and is settled with it', async () => {
  const [first, second] = [deliver({ data: 1 }), deliver({ data: 2 })];
  await clock.elapse(10);
  const { letters, events } = await told();
  const again = [deliver({ data: 2 }), deliver({ data: 1 })];
  await clock.elapse(10);
  expect(await told()).toEqual({ letters: [], events: [] });
  await journal.markSent([...letters, ...events]);
  expect([first, second, ...again].map(({ accepted }) => accepted)).toEqual([1, 1, 1, 1]);
});

test('an unreadable payload under the id of a change is a dead letter with an id of its own', async () => {
  deliver({});
  deliver({ data: 1 });
  await clock.elapse(10);
  const { letters } = await told();
  expect(letters).toHaveLength(1);
  expect(letters).not.toContain(deadLetterId(REF, 0));
});

/** Appends that each wait for `go()`, by their sizes in `batches`. */
function heldAppends(): { readonly batches: number[]; readonly go: () => Promise<void> } {
  const append = journal.append.bind(journal);
  const batches: number[] = [];
  const waiting: (() => void)[] = [];
  journal.append = async (arrivals) => {
    batches.push(arrivals.length);
    await new Promise<void>((resolve) => waiting.push(resolve));
    return append(arrivals);
  };
  const go = async () => {
    waiting.shift()?.();
    await clock.elapse(1);
  };
  return { batches, go };
}

test('what arrives during an append goes into the next one together, also what is there at the stop', async () => {
  const { batches, go } = heldAppends();
  deliver({ id: 'first' });
  await clock.elapse(10);
  for (const id of ['second', 'third', 'fourth']) {
    deliver({ id });
    await clock.elapse(10);
  }
  expect(batches).toEqual([1]);
  await go();
  expect(batches).toEqual([1, 3]);
  deliver({ id: 'fifth' });
  const stopped = intake.stop();
  await go();
  expect(batches).toEqual([1, 3, 1]);
  await go();
  await stopped;
  expect((await journal.figures()).pendingChanges).toBe(5);
});

test('what a full batch has no room for follows in the next one, though nothing more arrives', async () => {
  const { batches, go } = heldAppends();
  deliver({ id: 'first' });
  await clock.elapse(10);
  for (let count = 0; count < 415; count++) deliver({ id: `change-${count}` });
  await go();
  await go();
  await go();
  expect(batches).toEqual([1, 200, 200, 15]);
  await go();
  expect((await journal.figures()).pendingChanges).toBe(416);
});

test.each([0, 1, 199, 200, 201, 400, 401, 999])(
  'all of %i deliveries that came at once are appended, though nothing more arrives; and all at a stop',
  async (count) => {
    const { batches, go } = heldAppends();
    const all = (name: string) => {
      for (let number = 0; number < count; number++) deliver({ id: `${name}-${number}` });
    };
    const sizes = Array.from({ length: Math.ceil(count / 200) }, (_, batch) =>
      Math.min(200, count - 200 * batch),
    );
    all('first');
    await clock.elapse(10);
    for (const _ of sizes) await go();
    expect(batches).toEqual(sizes);
    all('second');
    let stopped = false;
    const stopping = intake.stop().then(() => (stopped = true));
    await clock.elapse(0);
    for (const _ of sizes) {
      expect(stopped).toBe(false);
      await go();
    }
    await stopping;
    expect(batches).toEqual([...sizes, ...sizes]);
    expect((await journal.figures()).pendingChanges).toBe(2 * count);
  },
);

describe('While the journal does not answer', () => {
  let told: string[];
  let failing: 'appends' | 'everything' | 'nothing';

  beforeEach(() => {
    told = [];
    failing = 'everything';
    const away = () => new JournalUnavailable('the database is away');
    const append = journal.append.bind(journal);
    journal.append = (arrivals) => (failing === 'nothing' ? append(arrivals) : Promise.reject(away()));
    journal.nextDueMs = () =>
      failing === 'everything' ? Promise.reject(away()) : Promise.resolve(undefined);
    const restart = () => {
      told.push('restart');
      intake.lost(1);
      intake.attached(1);
    };
    intake.bind(
      { restart },
      { hold: (reason) => told.push(`hold ${reason}`), release: (reason) => told.push(`release ${reason}`) },
    );
  });

  test('nothing is delivered again until it answers, however long that takes', async () => {
    const delivery = deliver({});
    await clock.elapse(50_000);
    expect(new Set(told.slice(1))).toEqual(new Set(['restart', 'hold journal']));
    expect(told.filter((word) => word === 'restart')).toHaveLength(1);
    expect(told[0]).toBe('hold journal');
    failing = 'nothing';
    await clock.elapse(1000);
    expect(told.at(-1)).toBe('release journal');
    expect(delivery.accepted).toBe(0);
    deliver({});
    await clock.elapse(10);
    expect((await journal.figures()).pendingChanges).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test('now and then the link is left to another instance, which may reach it', async () => {
    deliver({});
    await clock.elapse(121_500);
    expect(told.filter((word) => word === 'restart')).toHaveLength(3);
    expect(told).not.toContain('release journal');
  });

  test('one that answers and takes no changes is tried again, as slowly as links are attached', async () => {
    failing = 'appends';
    deliver({});
    await clock.elapse(1100);
    expect(told).toEqual(['hold journal', 'restart', 'release journal']);
    deliver({});
    await clock.elapse(10);
    expect(told.slice(3)).toEqual(['hold journal', 'restart']);
  });

  test('a stop waits for nothing of it', async () => {
    deliver({});
    await clock.elapse(1500);
    await intake.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});

test('it has been receiving since the first delivery of the latest link, not since a standby attached', () => {
  const attachedAtMs = clock.monotonicMs();
  expect(intake.receivingSinceMs).toBe(attachedAtMs);
  clock.advance(60_000);
  deliver({});
  expect(intake.receivingSinceMs).toBe(attachedAtMs + 60_000);
  clock.advance(1_000);
  deliver({ id: 'another' });
  expect(intake.receivingSinceMs).toBe(attachedAtMs + 60_000);
  clock.advance(1_000);
  intake.lost(1);
  intake.attached(2);
  expect(intake.receivingSinceMs).toBe(attachedAtMs + 62_000);
  clock.advance(1_000);
  deliver({ id: 'late' }, 1);
  expect(intake.receivingSinceMs).toBe(attachedAtMs + 62_000);
});
