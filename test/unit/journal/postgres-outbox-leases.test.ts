/** A message that could not be recorded is not kept from the others by a lease that is renewed without end. */
import { expect, test } from 'vitest';
import { JournalUnavailable } from '../../../srv/journal/port.ts';
import type { Announcements } from '../../../srv/journal/postgres/announcements.ts';
import type { Database } from '../../../srv/journal/postgres/database.ts';
import { Outbox } from '../../../srv/journal/postgres/outbox.ts';
import { message } from '../../contract/journal/samples.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';

const LEASE_MS = 60_000;

/** An outbox on a database that hands out one message and takes these statements. */
function outboxOn(failing: readonly string[]) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const closing = new AbortController();
  const { message: envelope, id, kind } = message('m');
  const { body, ...rest } = envelope;
  const run = async (statement: string) => {
    asked.push(statement);
    if (failing.includes(statement)) throw new JournalUnavailable('it does not answer');
    return statement === 'outbox/take' ? [{ message_id: id, kind, envelope: rest, body }] : [];
  };
  const outbox = new Outbox({
    database: { run } as unknown as Database,
    announcements: { tell: () => undefined } as unknown as Announcements,
    patiently: (action) => action(),
    clock,
    leaseMs: LEASE_MS,
    closing: closing.signal,
  });
  const renewals = () => asked.filter((statement) => statement === 'outbox/renew').length;
  return { clock, outbox, renewals };
}

test('while a message is being published its lease is renewed', async () => {
  const { clock, outbox, renewals } = outboxOn([]);
  await outbox.takeUnsent(1);
  await clock.elapse(LEASE_MS);
  expect(renewals()).toBe(3);
});

test.each(['outbox/sent', 'outbox/give-back', 'outbox/park'] as const)(
  'after %s has failed for long, the lease ends, and the message is handed out again',
  async (statement) => {
    const { clock, outbox, renewals } = outboxOn([statement]);
    await outbox.takeUnsent(1);
    const letGo = {
      'outbox/sent': 'markSent',
      'outbox/give-back': 'giveBack',
      'outbox/park': 'park',
    } as const;
    await expect(outbox[letGo[statement]](['m'])).rejects.toThrow(JournalUnavailable);
    await clock.elapse(10 * LEASE_MS);
    expect(renewals()).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  },
);

test('what is handed out while the journal closes is not renewed any more', async () => {
  const { clock, outbox, renewals } = outboxOn([]);
  const taking = outbox.takeUnsent(1);
  outbox.close();
  await taking;
  await clock.elapse(10 * LEASE_MS);
  expect(renewals()).toBe(0);
  expect(clock.pendingTimers).toBe(0);
});
