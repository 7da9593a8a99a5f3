import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryJournal } from '../../srv/journal/memory/journal.ts';
import type { Journal, OutboxMessage } from '../../srv/journal/port.ts';
import type { PostgresJournal } from '../../srv/journal/postgres/index.ts';
import type { OperatorAction } from '../../srv/lanes/audit.ts';
import { createArrivals } from '../../srv/lanes/arrivals.ts';
import { EmbeddedDeadLetterDesk } from '../../srv/lanes/dead-letter-desk.ts';
import { JournalDeadLetterDesk } from '../../srv/lanes/journal-dead-letter-desk.ts';
import { systemClock } from '../../srv/platform/clock.ts';
import { ManualClock } from '../doubles/manual-clock.ts';
import { describeOnPostgres } from '../integration/postgres-tests.ts';
import { delivery, FAILED_AT, INBOUND } from '../unit/lanes/letters.ts';
import { silent } from '../doubles/silent-log.ts';
import { appendMessages, endingsFor, failAll, messageOf } from './dead-letter-desk/failures.ts';
import { deadLetterDeskContract, type DeskUnderTest } from './dead-letter-desk.contract.ts';
import { PostgresBench } from './journal/postgres-bench.ts';

const DAY_MS = 86_400_000;

deadLetterDeskContract('The desk of dead letters on their queue', async () => {
  const clock = new ManualClock(FAILED_AT);
  const journal = new MemoryJournal({ clock });
  const actions: OperatorAction[] = [];
  const endings = endingsFor(clock);
  const desk = new EmbeddedDeadLetterDesk({
    journal,
    operated: journal,
    clock,
    log: silent,
    audit: (action) => actions.push(action),
    endings,
    inbound: INBOUND,
    lifeMs: 90 * DAY_MS,
  });
  desk.bind({ pause: () => undefined, resume: () => undefined });
  desk.attached(1);
  return {
    desk,
    parts: { journal, clock, endings },
    actions,
    async publish() {
      const sent = await sendAll(journal);
      for (const { kind, message } of sent) {
        // As the mesh gives it back.
        if (kind === 'dead-letter')
          desk.delivery(delivery({ ...message, properties: message.properties ?? {}, deliveryCount: 0 }));
      }
      await clock.elapse(1);
      return sent;
    },
    close: async () => desk.close(),
  };
});

describeOnPostgres('on PostgreSQL', () => {
  const bench = new PostgresBench('running');
  afterAll(() => bench.close());

  const setup = async (): Promise<DeskUnderTest> => {
    const under = await bench.setup();
    const journal = under.journal as PostgresJournal;
    const actions: OperatorAction[] = [];
    const endings = endingsFor(systemClock);
    const desk = new JournalDeadLetterDesk({
      letters: journal.letters,
      journal,
      operated: journal,
      clock: systemClock,
      audit: (action) => actions.push(action),
      endings,
      inbound: INBOUND,
      lifeMs: 90 * DAY_MS,
    });
    const publish = () => sendAll(journal);
    return {
      desk,
      parts: { journal, clock: systemClock, endings },
      actions,
      publish,
      close: () => under.close(),
    };
  };
  deadLetterDeskContract('The desk of dead letters in the journal', setup);

  describe('The desk of dead letters in the journal, besides,', () => {
    let under: DeskUnderTest;
    beforeAll(async () => {
      under = await setup();
      return () => under.close();
    });

    it('takes a copy that is moved back to the work queue for the replay, and for a duplicate once it is decided', async () => {
      const { desk, parts } = under;
      await appendMessages(parts, [messageOf('a'), messageOf('b')]);
      await failAll(parts);
      const [a, b] = (await under.publish()).filter(({ kind }) => kind === 'dead-letter');
      const arrivals = createArrivals(INBOUND, parts.endings);
      const move = async (copy: OutboxMessage | undefined) => {
        if (!copy) throw new Error('no copy');
        const { body, contentType, properties = {} } = copy.message;
        return parts.journal.append([arrivals.read({ body, contentType, properties }, systemClock.now())]);
      };
      expect(await move(a)).toMatchObject([{ kind: 'appended' }]);
      expect(await desk.show(a?.id ?? '')).toMatchObject({
        state: 'replayed',
        decisions: [{ by: 'whoever moved it to the work queue', action: 'replay' }],
      });
      expect(await desk.discard(a?.id ?? '', { by: 'anna', note: 'late' })).toMatchObject({
        kind: 'decided',
        state: 'replayed',
      });
      await desk.discard(b?.id ?? '', { by: 'anna', note: 'outdated' });
      await under.publish();
      expect(await move(b)).toEqual([{ kind: 'duplicate' }]);
      expect(await parts.journal.claim({ records: 9, leaseMs: 1000 })).toMatchObject([
        { changes: [{ change: { id: 'a' }, decision: 1 }] },
      ]);
    });
  });
});

async function sendAll(journal: Pick<Journal, 'takeUnsent' | 'markSent'>): Promise<readonly OutboxMessage[]> {
  const all: OutboxMessage[] = [];
  for (;;) {
    const messages = await journal.takeUnsent(100);
    if (messages.length === 0) return all;
    await journal.markSent(messages.map(({ id }) => id));
    all.push(...messages);
  }
}
