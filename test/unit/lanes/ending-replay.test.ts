import { describe, expect, it } from 'vitest';
import { deadLetterId } from '../../../srv/events/outcome.ts';
import type { PendingChange } from '../../../srv/journal/port.ts';
import { createEndings } from '../../../srv/lanes/ending.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { pending, update } from './samples.ts';

const endings = createEndings({
  sender: { source: '/territory-sync/local', eventTypePrefix: 'cx.territory' },
  successTopic: 'succeeded',
  failureTopic: 'failed',
  deadLetterQueue: 'dead',
  clock: new ManualClock(),
});

const REF = { source: '/test', id: 'c5' };
const OWN = deadLetterId(REF, 0);
const FAILED = { id: 'T1', result: 'failed', error: { code: 'OVERLAP', message: 'no' } } as const;
const UPDATED = { id: 'T1', result: 'updated' } as const;

function run(letter: string | undefined, more: Partial<PendingChange> = {}): PendingChange {
  const replay = letter && { deadLetterId: letter, decision: 1, overwrite: false, history: [] };
  return pending(5, [update('T1', { a: 1 })], {
    decision: replay ? 1 : 0,
    ...(replay && { replay }),
    ...more,
  });
}

function end(change: PendingChange, result: typeof FAILED | typeof UPDATED) {
  const progress = { position: 5, results: new Map(), attempts: 1, conflicts: 0, history: [] };
  return endings.endChange(change, progress, [result]);
}

const eventOf = (ending: ReturnType<typeof end>) =>
  JSON.parse(ending.messages.at(-1)?.message.body.toString() ?? '') as {
    id: string;
    data: Record<string, unknown>;
  };

describe('What the mesh is told of a replay', () => {
  it('has ids of its own, run by run', () => {
    const ids = [end(run(undefined), UPDATED), end(run(OWN), UPDATED)].map((ending) => eventOf(ending).id);
    expect(new Set(ids).size).toBe(2);
    const failures = [end(run(undefined), FAILED), end(run(OWN), FAILED)];
    expect(failures.map((ending) => ending.deadLetterId)).toEqual([OWN, deadLetterId(REF, 1)]);
    expect(eventOf(failures[1] as (typeof failures)[number]).data['deadLetterId']).toBe(deadLetterId(REF, 1));
  });

  it('takes no id of the event whose source and id an impostor has', () => {
    const [own, impostor] = [end(run(OWN), FAILED), end(run('letter of an impostor'), FAILED)];
    expect(impostor.deadLetterId).not.toBe(own.deadLetterId);
    expect(eventOf(impostor).id).not.toBe(eventOf(own).id);
  });

  it('counts from when the event first came', () => {
    const replay = { deadLetterId: OWN, decision: 1, overwrite: false, history: [], firstReceivedAt: 1000 };
    const ending = end(run(OWN, { replay, receivedAt: 5000 }), FAILED);
    expect(eventOf(ending).data['receivedAt']).toBe('1970-01-01T00:00:01.000Z');
    expect(ending.messages[0]?.message.properties).toMatchObject({
      firstReceivedAt: '1970-01-01T00:00:01.000Z',
      decision: 1,
      position: 5,
    });
  });
});
