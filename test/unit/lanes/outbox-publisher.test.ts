/** What becomes of a dead letter that the mesh finds too large, and of more messages than may be on their way at a time. */
import { expect, test } from 'vitest';
import type { OutboxMessage } from '../../../srv/journal/port.ts';
import { OutboxPublisher } from '../../../srv/lanes/outbox-publisher.ts';
import type { OutgoingMessage, PublishResult } from '../../../srv/mesh/port.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';

const LETTER: OutboxMessage = {
  id: 'letter-1',
  kind: 'dead-letter',
  message: {
    to: { kind: 'queue', name: 'dead' },
    body: Buffer.from('x'.repeat(900)),
    contentType: 'application/json',
    messageId: 'letter-1',
    properties: { deadLetterId: 'letter-1', source: '/crm', id: 'c1', reason: 'OVERLAP', history: '[…]' },
  },
};

function refused(condition: string): PublishResult {
  return { kind: 'refused', condition, reason: 'no' };
}

/** Publishes the letter once, on a mesh that answers so. */
async function published(
  answer: (message: OutgoingMessage) => PublishResult,
  durability: 'queue' | 'journal' = 'queue',
) {
  const clock = new ManualClock();
  const log = createRecordingLog();
  const sent: OutgoingMessage[] = [];
  const marked: string[] = [];
  const unsent = [LETTER];
  const outbox = new OutboxPublisher({
    journal: {
      durability,
      takeUnsent: async () => unsent.splice(0),
      markSent: async (ids) => void marked.push(...ids),
      giveBack: async () => undefined,
      onWork: () => () => undefined,
    },
    mesh: {
      publish: async (message) => {
        sent.push(message);
        return answer(message);
      },
    },
    clock,
    log,
  });
  outbox.start();
  await clock.elapse(10);
  const stopped = outbox.stop(0);
  await clock.elapse(1);
  await stopped;
  return { sent, marked, lines: log.lines };
}

test('it goes without its history where that is enough, with the original bytes', async () => {
  const { sent, marked, lines } = await published(({ properties }) =>
    properties?.['history'] === undefined ? { kind: 'accepted' } : refused('amqp:link:message-size-exceeded'),
  );
  expect(sent.map(({ body }) => body.length)).toEqual([900, 900]);
  expect([marked, lines]).toEqual([['letter-1'], []]);
});

test('without its body where even that is too large: it is known that and how much is missing, and it has an end', async () => {
  for (const durability of ['queue', 'journal'] as const) {
    const { sent, marked, lines } = await published(
      ({ body }) => (body.length === 0 ? { kind: 'accepted' } : refused('amqp:link:message-size-exceeded')),
      durability,
    );
    expect(sent).toHaveLength(3);
    expect(sent[2]).toMatchObject({
      messageId: 'letter-1',
      properties: {
        deadLetterId: 'letter-1',
        source: '/crm',
        id: 'c1',
        reason: 'OVERLAP',
        bodyOmittedBytes: 900,
      },
    });
    expect(marked).toEqual(['letter-1']);
    expect(lines).toMatchObject([
      {
        level: durability === 'queue' ? 'error' : 'warn',
        fields: { source: '/crm', id: 'c1', sizeBytes: 900 },
      },
    ]);
  }
});

test('never without its body for another reason: that may be over the next time, and the bytes would be lost', async () => {
  for (const condition of ['amqp:not-allowed', 'amqp:rejected']) {
    const { sent, marked } = await published(() => refused(condition));
    expect(sent.map(({ body }) => body.length)).toEqual([900, 900]);
    expect(marked).toEqual([]);
  }
});

test('of many messages two hundred are on their way at a time, and each that is confirmed makes room for another', async () => {
  const clock = new ManualClock();
  const unsent = Array.from({ length: 450 }, (_, index): OutboxMessage => {
    const id = `message-${index}`;
    return { id, kind: 'outcome', message: { ...LETTER.message, messageId: id } };
  });
  const confirm: (() => void)[] = [];
  const marked: string[] = [];
  const outbox = new OutboxPublisher({
    journal: {
      durability: 'journal',
      takeUnsent: async (limit) => unsent.splice(0, limit),
      markSent: async (ids) => void marked.push(...ids),
      giveBack: async () => undefined,
      onWork: () => () => undefined,
    },
    mesh: { publish: () => new Promise((resolve) => confirm.push(() => resolve({ kind: 'accepted' }))) },
    clock,
    log: createRecordingLog(),
  });
  outbox.start();
  await clock.elapse(1);
  expect(confirm).toHaveLength(200);
  for (const count of [201, 202, 450]) {
    while (marked.length < count - 200) {
      confirm[marked.length]?.();
      await clock.elapse(1);
    }
    expect(confirm).toHaveLength(count);
  }
  for (const confirmed of confirm.slice(marked.length)) confirmed();
  await clock.elapse(1);
  expect(new Set(marked).size).toBe(450);
  await outbox.stop(0);
});
