/**
 * What every desk of dead letters promises, wherever they lie. The changes fail as in the program: through intake's reading, a
 * claim, and the endings' messages.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InboundMessage } from '../../srv/events/inbound-message.ts';
import type { Journal, OutboxMessage } from '../../srv/journal/port.ts';
import type { OperatorAction } from '../../srv/lanes/audit.ts';
import type { DeadLetterDesk } from '../../srv/operations/port.ts';
import { appendMessages, failAll, messageOf, type DeskParts } from './dead-letter-desk/failures.ts';

export interface DeskUnderTest {
  readonly desk: DeadLetterDesk;
  readonly parts: DeskParts;
  readonly actions: readonly OperatorAction[];
  /** Publishes everything unsent; answers what the mesh was told. */
  publish(): Promise<readonly OutboxMessage[]>;
  close(): Promise<void>;
}

const REPLAY = { by: 'anna', note: 'quiet now', overwrite: false };
const DISCARD = { by: 'bert', note: 'outdated' };

export function deadLetterDeskContract(name: string, setup: () => Promise<DeskUnderTest>): void {
  describe(name, () => {
    let under: DeskUnderTest;
    let desk: DeadLetterDesk;
    let journal: Journal;
    beforeEach(async () => {
      under = await setup();
      desk = under.desk;
      journal = under.parts.journal;
    });
    afterEach(() => under.close());

    /** These events fail, one after the other. */
    async function fail(...messages: readonly InboundMessage[]): Promise<void> {
      for (const message of messages) {
        await appendMessages(under.parts, [message]);
        await failAll(under.parts);
        await under.publish();
      }
    }
    const idOf = async (changeId: string) =>
      (await desk.list({ limit: 200 })).items.find((item) => item.changeId === changeId)?.id ?? '';
    const told = async () =>
      (await under.publish()).map(({ message }) => JSON.parse(message.body.toString()) as Told);

    it('lists the latest failure first, page by page, by reason and by territory', async () => {
      await fail(messageOf('a'), messageOf('b', 'SOUTH'), messageOf('c'), GARBAGE);
      const first = await desk.list({ limit: 2 });
      expect(first.items.map(({ changeId }) => changeId)).toEqual(['garbage', 'c']);
      const second = await desk.list({ limit: 2, cursor: first.next ?? '' });
      expect(second).toMatchObject({ items: [{ changeId: 'b' }, { changeId: 'a' }], next: null });
      const ids = async (query: object) =>
        (await desk.list({ limit: 9, ...query })).items.map(({ changeId }) => changeId);
      expect(await ids({ territory: 'SOUTH' })).toEqual(['b']);
      expect(await ids({ reason: 'INVALID_EVENT' })).toEqual(['garbage']);
      expect(await ids({ reason: 'CONFLICT_LIMIT', territory: 'NORTH' })).toEqual(['c', 'a']);
      await expect(desk.list({ limit: 2, cursor: 'x' })).rejects.toMatchObject({ code: 'UNKNOWN_CURSOR' });
      const { open, byTerritory } = await desk.counts();
      expect([open, byTerritory.get('NORTH'), byTerritory.get('SOUTH')]).toEqual([4, 2, 1]);
    });

    it('matches the oldest failure first, and only what is open', async () => {
      await fail(messageOf('a'), messageOf('b', 'SOUTH'), messageOf('c'));
      const [a, b, c] = [await idOf('a'), await idOf('b'), await idOf('c')];
      expect(await desk.matching({ reason: 'CONFLICT_LIMIT' })).toEqual([a, b, c]);
      expect(await desk.matching({ territory: 'SOUTH', reason: 'CONFLICT_LIMIT' })).toEqual([b]);
      const { failedAt } = (await desk.show(b)) ?? { failedAt: 0 };
      expect(await desk.matching({ failedBefore: failedAt })).toEqual([a]);
      expect(await desk.matching({ failedBefore: failedAt + 86_400_000, territory: 'NORTH' })).toEqual([
        a,
        c,
      ]);
      await desk.discard(a, DISCARD);
      expect(await desk.matching({})).toEqual([b, c]);
    });

    it('shows one with its bytes, its history, what came later and what was decided', async () => {
      await fail(messageOf('a'), messageOf('b'));
      const id = await idOf('a');
      expect(await desk.show(id)).toMatchObject({
        id,
        changeId: 'a',
        source: '/crm',
        territoryId: 'NORTH',
        reason: 'CONFLICT_LIMIT',
        message: 'changed by others',
        state: 'open',
        attempts: 1,
        conflicts: 1,
        body: messageOf('a').body,
        contentType: 'application/cloudevents+json',
        history: expect.arrayContaining([expect.objectContaining({ step: 'conflict', assignment: 'T1' })]),
        laterChanges: 1,
        decisions: [],
      });
      await desk.discard(id, DISCARD);
      expect(await desk.show(id)).toMatchObject({
        state: 'discarded',
        decisions: [{ ...DISCARD, action: 'discard' }],
      });
      expect(await desk.show('never was')).toBeUndefined();
    });

    it('replays a change in its old place, as its next run', async () => {
      await fail(messageOf('a'));
      const id = await idOf('a');
      await appendMessages(under.parts, [messageOf('b')]);
      const decided = await desk.replay(id, REPLAY);
      expect(decided).toMatchObject({ kind: 'accepted', id, decision: 1, changeId: 'a' });
      const [lane] = await journal.claim({ records: 9, leaseMs: 60_000 });
      expect(lane?.changes.map(({ change, decision }) => [change.id, decision])).toEqual([
        ['a', 1],
        ['b', 0],
      ]);
      expect(decided).toMatchObject({ position: lane?.changes[0]?.position });
      expect(lane?.changes[0]?.history.at(-1)).toMatchObject({ step: 'replayed', detail: 'by anna' });
      expect((await desk.list({ limit: 9 })).items).toMatchObject([{ id, state: 'replayed' }]);
      expect(under.actions).toMatchObject([{ by: 'anna', what: 'replay dead letter', why: 'quiet now' }]);
    });

    it('replays with edited assignments, and refuses those that no event may have', async () => {
      await fail(messageOf('a'));
      const id = await idOf('a');
      const edited = [{ id: 'T1', operation: 'update', fields: { owner: 'E2' } }] as const;
      expect(await desk.replay(id, { ...REPLAY, assignments: [{ ...edited[0], id: '' }] })).toMatchObject({
        kind: 'refused',
        code: 'INVALID_ASSIGNMENTS',
      });
      expect(await desk.replay(id, { ...REPLAY, assignments: edited })).toMatchObject({ kind: 'accepted' });
      const [lane] = await journal.claim({ records: 9, leaseMs: 60_000 });
      expect(lane?.changes[0]?.change.assignments).toMatchObject(edited);
      expect(lane?.changes[0]?.replay?.overwrite).toBe(false);
    });

    it('gives what could not be read and was edited a new position', async () => {
      await appendMessages(under.parts, [messageOf('before')]);
      await failAll(under.parts);
      await fail(messageOf('broken', 'NORTH', [{ id: 'T1', fields: 7 }]));
      const id = await idOf('broken');
      expect(await desk.replay(id, REPLAY)).toMatchObject({ kind: 'refused', code: 'INVALID_EVENT' });
      const assignments = [{ id: 'T1', operation: 'update', fields: { owner: 'E2' } }] as const;
      const decided = await desk.replay(id, { ...REPLAY, assignments });
      expect(decided).toMatchObject({ kind: 'accepted', changeId: 'broken', decision: 1 });
      const [lane] = await journal.claim({ records: 9, leaseMs: 60_000 });
      expect(lane).toMatchObject({
        territoryId: 'NORTH',
        changes: [{ change: { id: 'broken', source: '/crm', assignments }, decision: 1 }],
      });
      expect(decided).toMatchObject({ position: lane?.changes[0]?.position });
    });

    it('tells the mesh of a discard with the next decision, and of nothing else', async () => {
      await fail(messageOf('a'), GARBAGE);
      const [a, garbage] = [await idOf('a'), await idOf('garbage')];
      expect(await desk.discard(a, DISCARD)).toMatchObject({ kind: 'accepted', decision: 1, changeId: 'a' });
      expect(await told()).toMatchObject([
        {
          type: 'cx.territory.sync.failed.v1',
          causationid: 'a',
          data: { decision: 1, territoryId: 'NORTH', reason: { code: 'DISCARDED' }, deadLetterId: a },
        },
      ]);
      await desk.discard(garbage, DISCARD);
      expect(await told()).toMatchObject([
        { data: { decision: 1, territoryId: null, deadLetterId: garbage } },
      ]);
      expect(await desk.matching({})).toEqual([]);
      expect(await journal.claim({ records: 9, leaseMs: 60_000 })).toEqual([]);
    });

    it('decides once, though several decide at the same time, and says who did and when', async () => {
      await fail(messageOf('a'));
      const id = await idOf('a');
      const results = await Promise.all([
        desk.replay(id, REPLAY),
        desk.discard(id, DISCARD),
        desk.replay(id, { ...REPLAY, by: 'carl' }),
        desk.discard(id, { ...DISCARD, by: 'dora' }),
      ]);
      expect(results.filter(({ kind }) => kind === 'accepted')).toHaveLength(1);
      const decided = results.filter((result) => result.kind === 'decided');
      expect(decided).toHaveLength(3);
      expect(new Set(decided.map(({ by, at, state }) => `${by} ${at} ${state}`)).size).toBe(1);
      expect(under.actions).toMatchObject([{ by: decided[0]?.by }]);
      expect(await desk.discard(id, DISCARD)).toEqual(decided[0]);
      expect(await desk.replay('never was', REPLAY)).toEqual({ kind: 'unknown' });
      expect(await desk.discard('never was', DISCARD)).toEqual({ kind: 'unknown' });
    });

    it('takes a replay that fails again for another dead letter', async () => {
      await fail(messageOf('a'));
      const first = await idOf('a');
      await desk.replay(first, REPLAY);
      await failAll(under.parts);
      await under.publish();
      const [again] = await desk.matching({});
      expect(again).not.toBe(first);
      expect(await desk.show(again ?? '')).toMatchObject({ changeId: 'a', state: 'open' });
      expect(await desk.replay(again ?? '', REPLAY)).toMatchObject({ kind: 'accepted', decision: 2 });
    });
  });
}

interface Told {
  readonly type: string;
  readonly data: object;
}

const GARBAGE: InboundMessage = { body: Buffer.from([0xff]), messageId: 'garbage', properties: {} };
