import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import { JournalUnavailable } from '../../../srv/journal/port.ts';
import type { OperatorAction } from '../../../srv/lanes/audit.ts';
import { EmbeddedDeadLetterDesk } from '../../../srv/lanes/dead-letter-desk.ts';
import { createEndings } from '../../../srv/lanes/ending.ts';
import { sendAll } from '../../contract/journal/samples.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import {
  delivery,
  eventBytes,
  FAILED_AT,
  INBOUND,
  letterMessage,
  plainMessage,
  type FakeDelivery,
} from './letters.ts';
import { silent } from '../../doubles/silent-log.ts';

const DAY_MS = 86_400_000;
const REPLAY = { by: 'anna', note: 'quiet now', overwrite: true };
const DISCARD = { by: 'bert', note: 'outdated' };

describe('The desk of dead letters', () => {
  let clock: ManualClock;
  let journal: MemoryJournal;
  let desk: EmbeddedDeadLetterDesk;
  let actions: OperatorAction[];
  let calls: string[];

  beforeEach(() => {
    clock = new ManualClock(FAILED_AT);
    journal = new MemoryJournal({ clock });
    actions = [];
    calls = [];
    const sender = { source: '/territory-sync/local', eventTypePrefix: 'cx.territory' };
    const names = { successTopic: 's', failureTopic: 'f', deadLetterQueue: 'd' };
    desk = new EmbeddedDeadLetterDesk({
      journal,
      operated: journal,
      clock,
      log: silent,
      audit: (action) => actions.push(action),
      endings: createEndings({ ...names, sender, clock }),
      inbound: INBOUND,
      lifeMs: 30 * DAY_MS,
    });
    desk.bind({ pause: () => calls.push('pause'), resume: () => calls.push('resume') });
    desk.attached(1);
  });

  function receive(...messages: readonly Parameters<typeof delivery>[0][]): FakeDelivery[] {
    const deliveries = messages.map((message) => delivery(message));
    deliveries.forEach((one) => desk.delivery(one));
    return deliveries;
  }

  const ids = async (query: Parameters<EmbeddedDeadLetterDesk['list']>[0]) =>
    (await desk.list(query)).items.map(({ changeId }) => changeId);

  it('lists the latest failure first, page by page, also over those of one instant', async () => {
    receive(
      letterMessage('old', { failedAt: FAILED_AT - 5 }),
      letterMessage('b'),
      letterMessage('a'),
      letterMessage('new', { failedAt: FAILED_AT + 5 }),
    );
    const first = await desk.list({ limit: 3 });
    expect(first.items.map(({ changeId }) => changeId)).toEqual(['new', 'b', 'a']);
    const cursor = first.next ?? '';
    expect(await desk.list({ limit: 3, cursor })).toMatchObject({ items: [{ changeId: 'old' }], next: null });
    await expect(desk.list({ limit: 3, cursor: 'x' })).rejects.toMatchObject({ code: 'UNKNOWN_CURSOR' });
  });

  it('lists by reason and territory, and matches the oldest failure first', async () => {
    receive(
      letterMessage('a', { territoryId: 'SOUTH', failedAt: FAILED_AT + 1 }),
      letterMessage('b', { reason: { code: 'FORBIDDEN', message: 'no' } }),
      letterMessage('c'),
    );
    expect(await ids({ limit: 9, territory: 'SOUTH' })).toEqual(['a']);
    expect(await ids({ limit: 9, reason: 'FORBIDDEN' })).toEqual(['b']);
    expect(await desk.matching({})).toEqual(['letter of b', 'letter of c', 'letter of a']);
    expect(await desk.matching({ failedBefore: FAILED_AT + 1 })).toEqual(['letter of b', 'letter of c']);
    await desk.discard('letter of b', DISCARD);
    expect(await desk.matching({})).toEqual(['letter of c', 'letter of a']);
    const { open, byTerritory } = await desk.counts();
    expect([open, [...byTerritory]]).toEqual([
      2,
      [
        ['SOUTH', 1],
        ['NORTH', 1],
      ],
    ]);
  });

  it('shows one with its bytes, its history and what was decided', async () => {
    receive(letterMessage('a'));
    expect(await desk.show('letter of a')).toMatchObject({
      body: eventBytes('a'),
      contentType: 'application/cloudevents+json',
      state: 'open',
      conflicts: 5,
      history: [{ step: 'conflict' }],
      decisions: [],
      expiresAt: FAILED_AT + 30 * DAY_MS,
    });
    await desk.discard('letter of a', DISCARD);
    expect(await desk.show('letter of a')).toMatchObject({
      state: 'discarded',
      decisions: [{ ...DISCARD, at: FAILED_AT, action: 'discard' }],
    });
    expect(await desk.show('never was')).toBeUndefined();
  });

  it('settles a discarded one when the mesh has accepted what is told of it, every copy of it', async () => {
    const copies = receive(letterMessage('a'), letterMessage('a'));
    await desk.discard('letter of a', DISCARD);
    expect(copies.map(({ settled }) => settled)).toEqual([false, false]);
    await sendAll(journal);
    expect(copies.map(({ settled }) => settled)).toEqual([true, true]);
    const [late] = receive(letterMessage('a'));
    expect(late?.settled).toBe(true);
    expect(await ids({ limit: 9 })).toEqual([]);
  });

  it('keeps a replayed one until its run is released', async () => {
    const [held] = receive(letterMessage('a'));
    expect(await desk.replay('letter of a', REPLAY)).toMatchObject({
      kind: 'accepted',
      decision: 1,
      changeId: 'a',
    });
    const [lane] = await journal.claim({ records: 9, leaseMs: 1000 });
    expect(lane?.changes).toMatchObject([{ decision: 1, change: { id: 'a' } }]);
    expect(held?.settled).toBe(false);
    expect(await desk.list({ limit: 9 })).toMatchObject({ items: [{ state: 'replayed' }] });
  });

  it('decides once, though two decide at the same time', async () => {
    receive(letterMessage('a'));
    const results = await Promise.all([
      desk.replay('letter of a', REPLAY),
      desk.discard('letter of a', DISCARD),
    ]);
    expect(results.map(({ kind }) => kind)).toEqual(['accepted', 'decided']);
    expect(actions).toMatchObject([{ by: 'anna', what: 'replay dead letter', why: 'quiet now' }]);
    expect((await journal.figures()).outboxUnsent).toBe(0);
  });

  it('leaves it open where the journal does not take the decision', async () => {
    receive(letterMessage('a'));
    const append = journal.append.bind(journal);
    journal.append = async () => {
      throw new JournalUnavailable('gone');
    };
    await expect(desk.replay('letter of a', REPLAY)).rejects.toThrow(JournalUnavailable);
    expect(actions).toEqual([]);
    journal.append = append;
    expect(await desk.replay('letter of a', REPLAY)).toMatchObject({ kind: 'accepted' });
  });

  it('knows what was decided by a message that was moved back', async () => {
    const [held] = receive(letterMessage('a'));
    const replay = { deadLetterId: 'letter of a', decision: 1, overwrite: false, history: [] };
    const ref = { id: 'a', source: '/crm' };
    const payload = { body: Buffer.alloc(0), digest: 'd' };
    const messages = [
      {
        id: 'm',
        kind: 'outcome',
        message: { to: { kind: 'topic', name: 't' }, body: Buffer.alloc(0), contentType: '' },
      },
    ] as const;
    await journal.append([
      {
        kind: 'unreadable',
        ref,
        payload,
        receivedAt: 0,
        messages,
        letter: {
          id: 'its next',
          decision: 1,
          reason: { code: 'INVALID_EVENT', message: '' },
          envelope: { properties: {} },
        },
        replayOf: replay.deadLetterId,
      },
    ]);
    expect(await desk.discard('letter of a', DISCARD)).toMatchObject({ kind: 'decided', state: 'replayed' });
    expect(held?.settled).toBe(false);
    await sendAll(journal);
    expect(held?.settled).toBe(true);
  });

  it('forgets what it held when the link is lost, and takes it up again with the next', async () => {
    const [old] = receive(letterMessage('a'));
    await desk.discard('letter of a', DISCARD);
    desk.lost(1);
    expect(await ids({ limit: 9 })).toEqual([]);
    desk.attached(2);
    const again = delivery(letterMessage('a'), 2);
    desk.delivery(delivery(letterMessage('b'), 1));
    desk.delivery(again);
    expect(await desk.list({ limit: 9 })).toMatchObject({ items: [{ changeId: 'a', state: 'discarded' }] });
    await sendAll(journal);
    expect([old?.settled, again.settled]).toEqual([false, true]);
  });

  it('says that the queue is away rather than that there is no such dead letter', async () => {
    expect(await desk.replay('never was', REPLAY)).toEqual({ kind: 'unknown' });
    desk.lost(1);
    expect(await desk.replay('never was', REPLAY)).toMatchObject({
      kind: 'refused',
      code: 'DEAD_LETTERS_AWAY',
    });
  });

  it('receives no more than its memory takes, and goes on when some are decided', async () => {
    const body = Buffer.alloc(30_000_000);
    receive(letterMessage('a', { body }), letterMessage('b', { body }), letterMessage('c', { body }));
    expect(calls).toEqual([]);
    receive(letterMessage('d', { body }));
    expect(calls).toEqual(['pause']);
    await desk.discard('letter of a', DISCARD);
    await sendAll(journal);
    expect(calls).toEqual(['pause', 'resume']);
  });

  it('holds nothing and owns no timer once it is closed', () => {
    const [held] = receive(letterMessage('a'));
    desk.start();
    expect(clock.pendingTimers).toBe(1);
    desk.close();
    expect(clock.pendingTimers).toBe(0);
    expect(held?.settled).toBe(false);
  });

  it('discards what nobody can read with an event that has no territory', async () => {
    receive(plainMessage(Buffer.from([0xff]), 'garbage'));
    const [id = ''] = await desk.matching({ reason: 'INVALID_EVENT' });
    expect(await desk.discard(id, DISCARD)).toMatchObject({
      kind: 'accepted',
      changeId: 'garbage',
      position: null,
    });
    const [told] = await journal.takeUnsent(9);
    expect(JSON.parse(told?.message.body.toString() ?? '')).toMatchObject({
      data: {
        territoryId: null,
        decision: 1,
        reason: { code: 'DISCARDED' },
        deadLetterId: id,
        assignments: [],
      },
    });
  });
});
