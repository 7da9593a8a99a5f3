/** The outbox goes on although the mesh takes none of one kind, and its end waits for what can still be sent, no longer than it may. */
import { expect, test } from 'vitest';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import type { Journal } from '../../../srv/journal/port.ts';
import { OutboxPublisher } from '../../../srv/lanes/outbox-publisher.ts';
import type { OutgoingMessage, PublishResult } from '../../../srv/mesh/port.ts';
import { message, unreadable } from '../../contract/journal/samples.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { silent } from '../../doubles/silent-log.ts';

const ACCEPTED: PublishResult = { kind: 'accepted' };
const REFUSED: PublishResult = { kind: 'refused', condition: 'amqp:not-allowed', reason: 'no' };
const UNCONFIRMED: PublishResult = { kind: 'unconfirmed', reason: 'no word' };

/** More than are on their way at a time. */
const MANY = 450;

/** An outbox with these unsent messages, on a mesh that answers so; `accepted` are the ids that it took. */
async function outboxWith(
  ids: { readonly letters?: readonly string[]; readonly outcomes?: readonly string[] },
  answer: (message: OutgoingMessage) => PublishResult | Promise<PublishResult>,
  takeUnsent?: (journal: Journal) => Journal['takeUnsent'],
) {
  const clock = new ManualClock();
  const journal: Journal = new MemoryJournal({ clock });
  const messages = [
    ...(ids.letters ?? []).map((id) => message(id, 'dead-letter')),
    ...(ids.outcomes ?? []).map((id) => message(id)),
  ];
  if (takeUnsent) journal.takeUnsent = takeUnsent(new Proxy(journal, {}));
  await journal.append([unreadable('x', { messages })]);
  const accepted: string[] = [];
  const publish = async (sent: OutgoingMessage): Promise<PublishResult> => {
    const result = await answer(sent);
    if (result.kind === 'accepted') accepted.push(String(sent.messageId));
    return result;
  };
  const outbox = new OutboxPublisher({ journal, mesh: { publish }, clock, log: silent });
  return { clock, journal, outbox, accepted };
}

test.each([
  { how: 'refuses', answer: REFUSED },
  { how: 'does not confirm', answer: UNCONFIRMED },
])('outcomes are told although the mesh $how hundreds of dead letters that are older', async ({ answer }) => {
  const letters = Array.from({ length: MANY }, (_, index) => `letter ${index}`);
  const isLetter = ({ messageId }: OutgoingMessage): boolean => String(messageId).startsWith('letter');
  const { clock, outbox, accepted } = await outboxWith({ letters, outcomes: ['outcome'] }, (sent) =>
    isLetter(sent) ? answer : ACCEPTED,
  );
  outbox.start();
  await clock.elapse(100);
  expect(accepted).toEqual(['outcome']);
  const stopped = outbox.stop(0);
  await clock.elapse(1);
  await stopped;
});

test('dead letters go although the mesh confirms none of hundreds of outcomes that are older', async () => {
  const outcomes = Array.from({ length: MANY }, (_, index) => `outcome ${index}`);
  const { clock, journal, outbox, accepted } = await outboxWith({ outcomes }, ({ messageId }) =>
    String(messageId).startsWith('outcome') ? UNCONFIRMED : ACCEPTED,
  );
  await journal.append([unreadable('y', { messages: [message('letter', 'dead-letter')] })]);
  outbox.start();
  await clock.elapse(100);
  expect(accepted).toEqual(['letter']);
  const stopped = outbox.stop(0);
  await clock.elapse(1);
  await stopped;
});

test.each([0, 1, 149, 150, 151, 200, 201, 450])('all of %i messages are sent by one look', async (count) => {
  const outcomes = Array.from({ length: count }, (_, index) => `outcome ${index}`);
  const { clock, outbox, accepted } = await outboxWith({ outcomes }, () => ACCEPTED);
  outbox.start();
  await clock.elapse(0);
  await clock.elapse(0);
  expect(accepted).toEqual(outcomes);
  await outbox.stop(0);
});

test('at the end what a look under way still finds is sent', async () => {
  const looks: (() => void)[] = [];
  const { clock, outbox, accepted } = await outboxWith(
    { outcomes: ['last'] },
    () => ACCEPTED,
    (journal) => {
      const takeUnsent = journal.takeUnsent.bind(journal);
      return async (...asked) => {
        await new Promise<void>((resolve) => looks.push(resolve));
        return takeUnsent(...asked);
      };
    },
  );
  outbox.start();
  await clock.elapse(0);
  let stopped = false;
  const stopping = outbox.stop(10_000).then(() => (stopped = true));
  await clock.elapse(1);
  expect(stopped).toBe(false);
  for (let look = looks.shift(); look; look = looks.shift()) {
    look();
    await clock.elapse(1);
  }
  await stopping;
  expect(accepted).toEqual(['last']);
  expect(clock.pendingTimers).toBe(0);
});

test('the end waits no longer than it may for a mesh that answers nothing', async () => {
  const { clock, outbox } = await outboxWith({ outcomes: ['silent'] }, () => new Promise(() => undefined));
  outbox.start();
  await clock.elapse(10);
  let stopped = false;
  const stopping = outbox.stop(5000).then(() => (stopped = true));
  await clock.elapse(4999);
  expect(stopped).toBe(false);
  await clock.elapse(1);
  expect(stopped).toBe(true);
  await stopping;
});

test('the end does not wait out the long pause of a dead letter that was refused', async () => {
  const { clock, outbox, accepted } = await outboxWith(
    { letters: ['refused'], outcomes: ['taken'] },
    ({ messageId }) => (messageId === 'refused' ? REFUSED : ACCEPTED),
  );
  outbox.start();
  await clock.elapse(10);
  let stopped = false;
  const stopping = outbox.stop(10_000).then(() => (stopped = true));
  await clock.elapse(1);
  expect(stopped).toBe(true);
  await stopping;
  expect(accepted).toEqual(['taken']);
  expect(clock.pendingTimers).toBe(0);
});
