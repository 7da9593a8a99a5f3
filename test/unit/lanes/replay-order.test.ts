import { describe, expect, it } from 'vitest';
import { readLetter } from '../../../srv/lanes/held-letter.ts';
import { movedBack, prepareReplay } from '../../../srv/lanes/replay-order.ts';
import type { MeshMessage } from '../../../srv/mesh/port.ts';
import type { ReplayOrder } from '../../../srv/operations/port.ts';
import { eventBytes, FAILED_AT, INBOUND, letterMessage, plainMessage } from './letters.ts';

const NOW = FAILED_AT + 60_000;
const ORDER: ReplayOrder = { by: 'anna', note: 'quiet now', overwrite: false };

function prepare(message: MeshMessage, order: Partial<ReplayOrder> = {}, laterKnown = true) {
  const letter = readLetter(message, NOW, INBOUND);
  return prepareReplay(letter, { ...ORDER, ...order }, { inbound: INBOUND, laterKnown, nowMs: NOW });
}

const unreadable = letterMessage('broken', {
  reason: { code: 'INVALID_EVENT', message: 'fields must be an object' },
  body: eventBytes('broken', 'NORTH', [{ id: 'T1', fields: 7 }]),
  position: undefined,
} as never);

describe('A replay as ordered', () => {
  it('is the change once more, as its next run, in its old place', () => {
    expect(prepare(letterMessage('a'))).toMatchObject({
      kind: 'ready',
      arrival: {
        change: {
          id: 'a',
          source: '/crm',
          territoryId: 'NORTH',
          assignments: [{ id: 'T1', fields: { owner: 'E1' } }],
        },
        payload: { body: letterMessage('a').body, contentType: 'application/cloudevents+json' },
        receivedAt: NOW,
        replay: {
          deadLetterId: 'letter of a',
          decision: 1,
          overwrite: false,
          position: 4711,
          firstReceivedAt: FAILED_AT - 1000,
          history: [{ step: 'conflict' }, { at: NOW, step: 'replayed', detail: 'by anna' }],
        },
      },
    });
  });

  it('follows the run that became the dead letter', () => {
    expect(prepare(letterMessage('a', { decision: 4 }))).toMatchObject({
      arrival: { replay: { decision: 5 } },
    });
  });

  it('whose body was too large for the broker says so, and needs edited assignments', () => {
    const whole = letterMessage('large');
    const properties = { ...whole.properties, bodyOmittedBytes: whole.body.length };
    const copy = { ...whole, body: Buffer.alloc(0), properties };
    expect(prepare(copy)).toMatchObject({
      kind: 'refused',
      code: 'TOO_LARGE',
      message: expect.stringMatching(/body of \d+ bytes was too large/),
      action: expect.stringContaining('edited assignments'),
    });
    const edited = [{ id: 'T1', operation: 'update', fields: { owner: 'E9' } }] as const;
    expect(prepare(copy, { assignments: edited })).toMatchObject({
      kind: 'ready',
      arrival: { change: { id: 'large', territoryId: 'NORTH', assignments: edited } },
    });
  });

  it('with edited assignments keeps the original bytes, and has another digest', () => {
    const edited = [{ id: 'T1', operation: 'update', fields: { owner: 'E9' } }] as const;
    const [plain, changed] = [
      prepare(letterMessage('a')),
      prepare(letterMessage('a'), { assignments: edited }),
    ];
    if (plain.kind !== 'ready' || changed.kind !== 'ready') throw new Error('not ready');
    expect(changed.arrival.change.assignments).toEqual(edited);
    expect(changed.arrival.payload.body).toEqual(plain.arrival.payload.body);
    expect(changed.arrival.payload.digest).not.toBe(plain.arrival.payload.digest);
  });

  it('with assignments that no event may have is refused', () => {
    const assignments = [{ id: '', operation: 'update', fields: {} }] as const;
    expect(prepare(letterMessage('a'), { assignments })).toMatchObject({
      kind: 'refused',
      code: 'INVALID_ASSIGNMENTS',
    });
    expect(prepare(letterMessage('a'), { assignments: [] })).toMatchObject({ code: 'INVALID_ASSIGNMENTS' });
  });

  it('needs to overwrite where later changes are not known, edited or not', () => {
    expect(prepare(letterMessage('a'), {}, false)).toMatchObject({
      kind: 'refused',
      code: 'NEEDS_OVERWRITE',
    });
    expect(prepare(letterMessage('a'), { overwrite: true }, false)).toMatchObject({ kind: 'ready' });
    expect(prepare(plainMessage(eventBytes('late')), {}, false)).toMatchObject({ code: 'NEEDS_OVERWRITE' });
  });

  it('of what cannot be read needs edited assignments, and takes a new place', () => {
    const refused = prepare(unreadable, {}, false);
    expect(refused).toMatchObject({ kind: 'refused', code: 'INVALID_EVENT' });
    const assignments = [{ id: 'T1', operation: 'update', fields: { owner: 'E1' } }] as const;
    expect(prepare(unreadable, { assignments }, false)).toMatchObject({
      kind: 'ready',
      arrival: {
        change: { id: 'broken', territoryId: 'NORTH', assignments },
        replay: { position: undefined },
      },
    });
  });

  it('of what names no territory cannot be', () => {
    const assignments = [{ id: 'T1', operation: 'update', fields: { owner: 'E1' } }] as const;
    expect(prepare(plainMessage(Buffer.from('{')), { assignments }, false)).toMatchObject({
      kind: 'refused',
    });
  });
});

describe('A message on the work queue', () => {
  it('is a replay by the dead letter that it was', () => {
    expect(movedBack(letterMessage('a', { decision: 2 }), NOW)).toMatchObject({
      deadLetterId: 'letter of a',
      decision: 3,
      overwrite: false,
      position: 4711,
      history: [{ step: 'conflict' }, { step: 'replayed', detail: 'moved to the work queue' }],
    });
  });

  it('is none without that', () => {
    expect(movedBack(plainMessage(eventBytes('a')), NOW)).toBeUndefined();
  });
});
