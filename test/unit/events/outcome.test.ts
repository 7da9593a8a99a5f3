import { NAMESPACE } from '../../../srv/platform/ids.ts';
import { v5 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { outcomeEvent, unreadableOutcome, type OutcomeInput } from '../../../srv/events/outcome-event.ts';
import { deadLetterId, outcomeOf, type AssignmentResult } from '../../../srv/events/outcome.ts';
import { messageOf, structured, unreadable } from './sample-events.ts';

const CHANGE = {
  id: '7d0c',
  source: '/default/crm/prod',
  type: 'cx.territory.assignments.changed.v1',
  time: '2026-11-22T10:00:00Z',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  correlationId: 'order-4711',
};
const SENDER = { source: '/territory-sync/local', eventTypePrefix: 'cx.territory' };
const RECEIVED = Date.UTC(2026, 10, 22, 10, 0, 1);
const COMPLETED = Date.UTC(2026, 10, 22, 10, 0, 3, 250);

const APPLIED: OutcomeInput = {
  change: CHANGE,
  territoryId: 'EMEA-NORTH',
  ending: { outcome: 'applied' },
  decision: 0,
  position: 4711,
  assignments: [{ id: 'T001', result: 'updated', etag: 'W/"2"' }],
  attempts: 1,
  conflicts: 0,
  receivedAt: RECEIVED,
  completedAt: COMPLETED,
  sender: SENDER,
};

const FAILED: OutcomeInput = {
  ...APPLIED,
  ending: {
    outcome: 'failed',
    reason: {
      code: 'CONFLICT_LIMIT',
      message: 'T001 was changed by others 6 times in 64 s',
      action: 'replay',
    },
    deadLetterId: deadLetterId(CHANGE, 0),
  },
  assignments: [
    {
      id: 'T001',
      result: 'failed',
      error: { status: 412, code: 'CONFLICT_LIMIT', message: 'changed by others' },
    },
    { id: 'T002', result: 'updated', etag: 'W/"9"' },
  ],
  attempts: 6,
  conflicts: 6,
};

const parse = (body: Buffer) =>
  JSON.parse(body.toString()) as Record<string, unknown> & { data: Record<string, unknown> };

describe('an outcome event', () => {
  it('of a success is what subscribers were promised', () => {
    const event = outcomeEvent(APPLIED);
    expect(event).toMatchObject({
      type: 'cx.territory.sync.succeeded.v1',
      subject: 'EMEA-NORTH',
      contentType: 'application/cloudevents+json',
      topicKind: 'success',
    });
    expect(parse(event.body)).toStrictEqual({
      specversion: '1.0',
      id: event.id,
      type: 'cx.territory.sync.succeeded.v1',
      source: '/territory-sync/local',
      subject: 'EMEA-NORTH',
      time: '2026-11-22T10:00:03.250Z',
      datacontenttype: 'application/json',
      causationid: '7d0c',
      correlationid: 'order-4711',
      traceparent: CHANGE.traceparent,
      data: {
        territoryId: 'EMEA-NORTH',
        change: { id: '7d0c', source: '/default/crm/prod', type: CHANGE.type, time: CHANGE.time },
        outcome: 'applied',
        decision: 0,
        position: 4711,
        assignments: [{ id: 'T001', result: 'updated', etag: 'W/"2"' }],
        attempts: 1,
        conflicts: 0,
        receivedAt: '2026-11-22T10:00:01.000Z',
        completedAt: '2026-11-22T10:00:03.250Z',
      },
    });
  });

  it('of a failure adds reason, dead letter and what each assignment failed of', () => {
    const event = outcomeEvent(FAILED);
    expect(event).toMatchObject({ type: 'cx.territory.sync.failed.v1', topicKind: 'failure' });
    expect(parse(event.body).data).toStrictEqual({
      territoryId: 'EMEA-NORTH',
      change: { id: '7d0c', source: '/default/crm/prod', type: CHANGE.type, time: CHANGE.time },
      outcome: 'failed',
      decision: 0,
      position: 4711,
      reason: {
        code: 'CONFLICT_LIMIT',
        message: 'T001 was changed by others 6 times in 64 s',
        action: 'replay',
      },
      deadLetterId: deadLetterId(CHANGE, 0),
      assignments: [
        {
          id: 'T001',
          result: 'failed',
          error: { status: 412, code: 'CONFLICT_LIMIT', message: 'changed by others' },
        },
        { id: 'T002', result: 'updated', etag: 'W/"9"' },
      ],
      attempts: 6,
      conflicts: 6,
      receivedAt: '2026-11-22T10:00:01.000Z',
      completedAt: '2026-11-22T10:00:03.250Z',
    });
  });

  it('has an id that anyone can derive: the same on a re-send, another per decision and type', () => {
    const name = '["/default/crm/prod","7d0c","cx.territory.sync.succeeded.v1",0]';
    expect(outcomeEvent(APPLIED).id).toBe(v5(name, NAMESPACE));
    expect(outcomeEvent({ ...APPLIED, completedAt: 0, sender: { ...SENDER, source: '/other' } }).id).toBe(
      outcomeEvent(APPLIED).id,
    );
    const ids = [APPLIED, FAILED, { ...APPLIED, decision: 1 }, { ...FAILED, decision: 1 }].map(
      (input) => outcomeEvent(input).id,
    );
    expect(new Set(ids).size).toBe(4);
    expect(deadLetterId(CHANGE, 1)).toBe(v5('["dead-letter","/default/crm/prod","7d0c",1]', NAMESPACE));
  });

  it('has equal bytes for equal input', () => {
    expect(outcomeEvent(FAILED).body.equals(outcomeEvent(structuredClone(FAILED)).body)).toBe(true);
  });

  it('carries messages as one line of at most 200 characters', () => {
    const long = `first\nsecond ${'😀'.repeat(300)}`;
    const { reason, assignments } = parse(
      outcomeEvent({
        ...FAILED,
        ending: {
          outcome: 'failed',
          reason: { code: 'API_ERROR', message: long, action: long },
          deadLetterId: 'd',
        },
        assignments: [{ id: 'T001', result: 'failed', error: { code: 'API_ERROR', message: long } }],
      }).body,
    ).data as { reason: { message: string; action: string }; assignments: { error: { message: string } }[] };
    for (const text of [reason.message, reason.action, assignments[0]?.error.message ?? '']) {
      expect(text).toMatch(/^first second (😀)+…$/u);
      expect(text.length).toBeGreaterThan(190);
      expect(text.length).toBeLessThanOrEqual(200);
    }
  });

  it.each<[string, (place: number) => AssignmentResult, Partial<AssignmentResult>]>([
    [
      'long messages are shortened',
      (place) => ({
        id: String(place).padEnd(64, '\u0001'),
        result: 'failed',
        etag: 'W/"1"',
        error: { status: 400, code: 'REJECTED_BY_API', message: '€'.repeat(200) },
      }),
      {
        etag: 'W/"1"',
        error: { status: 400, code: 'REJECTED_BY_API', message: `${'€'.repeat(39)}…` },
      },
    ],
    [
      'then messages and ETags are left out',
      (place) => ({
        id: String(place).padEnd(128, '\u0001'),
        result: 'superseded',
        etag: 'e'.repeat(2000),
        error: { status: 400, code: 'UNKNOWN_ASSIGNMENT', message: 'x'.repeat(200) },
      }),
      { error: { status: 400, code: 'UNKNOWN_ASSIGNMENT', message: '' } },
    ],
  ])('stays below 1 MB with 1000 assignments: %s', (_how, assignmentAt, kept) => {
    const id = '\u0001'.repeat(256);
    const source = '\u0001'.repeat(512);
    const assignments = Array.from({ length: 1000 }, (_, place) => assignmentAt(place));
    const event = outcomeEvent({
      ...FAILED,
      change: { ...CHANGE, id, source, type: '\u0001'.repeat(256) },
      territoryId: '\u0001'.repeat(100),
      assignments,
    });
    expect(event.body.length).toBeLessThanOrEqual(1_000_000);
    const written = parse(event.body).data['assignments'] as AssignmentResult[];
    expect(written.map((one) => [one.id, one.result])).toEqual(
      assignments.map((one) => [one.id, one.result]),
    );
    expect(written[999]).toStrictEqual({
      id: assignments[999]?.id,
      result: assignments[999]?.result,
      ...kept,
    });
  });
});

describe('the outcome event of an unreadable message', () => {
  const when = { receivedAt: RECEIVED, completedAt: COMPLETED };

  it('has no territory, and a name derived from message and queue', () => {
    const parsed = unreadable(messageOf('{', { messageId: 'm-1' }));
    const event = eventOf(parsed);
    const body = parse(event.body);
    expect(event).not.toHaveProperty('subject');
    expect(body).not.toHaveProperty('subject');
    expect(body['causationid']).toBe('m-1');
    expect(body.data).toStrictEqual({
      territoryId: null,
      change: { ...parsed.ref },
      outcome: 'failed',
      decision: 0,
      position: null,
      reason: { code: 'INVALID_EVENT', message: parsed.message, action: parsed.action },
      deadLetterId: deadLetterId(parsed.ref, 0),
      assignments: [],
      attempts: 0,
      conflicts: 0,
      receivedAt: '2026-11-22T10:00:01.000Z',
      completedAt: '2026-11-22T10:00:03.250Z',
    });
  });

  it('names event and territory where they could be read', () => {
    const event = eventOf(unreadable(structured({ type: 'other' })));
    expect(event.subject).toBe('EMEA-NORTH');
    expect(parse(event.body).data).toMatchObject({
      territoryId: 'EMEA-NORTH',
      change: { id: '7d0c', source: '/default/crm/prod', type: 'other', time: '2026-11-22T10:00:00Z' },
    });
  });

  it('that came under a known id has ids of its own, the same each time', () => {
    const known = unreadable(structured({ data: null }));
    const idsOf = (parsed: ReturnType<typeof unreadable>) => [
      eventOf(parsed).id,
      parse(eventOf(parsed).body).data['deadLetterId'],
    ];
    const impostor = { ...known, impostor: true } as const;
    const ids = [known, impostor, { ...impostor, digest: 'another' }].flatMap(idsOf);
    expect(new Set(ids).size).toBe(6);
    expect(idsOf(impostor)).toEqual(ids.slice(2, 4));
  });

  const eventOf = (parsed: ReturnType<typeof unreadable>) => unreadableOutcome(parsed, when, SENDER);
});

describe('the outcome of a change', () => {
  it.each<[AssignmentResult['result'][], string]>([
    [['updated', 'failed', 'unchanged'], 'failed'],
    [['skipped', 'updated'], 'failed'],
    [['superseded', 'unchanged', 'updated'], 'applied'],
    [['created'], 'applied'],
    [['deleted', 'unchanged'], 'applied'],
    [['superseded', 'unchanged'], 'unchanged'],
    [['superseded', 'superseded'], 'superseded'],
  ])('of %j is %s', (results, outcome) => {
    expect(outcomeOf(results.map((result) => ({ result })))).toBe(outcome);
  });
});
