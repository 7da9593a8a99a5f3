import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { JournalUnavailable } from '../../srv/journal/port.ts';
import { deadLetter, NOON, NOON_MS, territory } from './operations-api-doubles.ts';
import { call, expectProblem, get, post, setUpStage, stage } from './operations-api-stage.ts';

setUpStage();

describe('the summary', () => {
  it('is JSON that nobody may keep', async () => {
    const answer = await get('summary');
    expect(answer.status).toBe(200);
    expect(answer.type).toBe('application/json; charset=utf-8');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(answer.body).toMatchObject({ at: NOON, mode: 'embedded', instances: 1, batchSize: 50 });
  });

  it('says that the journal is away, instead of failing', async () => {
    stage.summary = () => Promise.reject(new JournalUnavailable('connection refused by 10.0.0.1'));
    const answer = await get('summary');
    expectProblem(answer, { status: 503, code: 'JOURNAL_UNAVAILABLE' });
    expect(answer.text).not.toContain('10.0.0.1');
  });

  it('tells nothing of a defect', async () => {
    const defect = new Error('geheim');
    stage.summary = () => Promise.reject(defect);
    const answer = await get('summary');
    expect(stage.errors.splice(0)).toEqual([defect]);
    expectProblem(answer, { status: 500, code: 'INTERNAL' });
    expect(answer.text).not.toContain('geheim');
  });
});

describe('the territories', () => {
  it('are listed by pages, each once', async () => {
    stage.lanes.lanes = ['a', 'b', 'c'].map((id) => territory(id));
    const first = await get('territories?limit=2');
    expect(first.body).toMatchObject({ items: [{ id: 'a' }, { id: 'b' }], next: '2' });
    const second = await get('territories?limit=2&cursor=2');
    expect(second.body).toMatchObject({ items: [{ id: 'c' }], next: null });
  });

  it('are 50 a page unless asked otherwise', async () => {
    stage.lanes.lanes = Array.from({ length: 60 }, (_, index) => territory(`t${index}`));
    expect(await get('territories')).toMatchObject({ body: { next: '50' } });
    expect(await get('territories?limit=200')).toMatchObject({ body: { next: null } });
  });

  it('show their state in the contract’s members', async () => {
    stage.lanes.lanes = [
      territory('a'),
      { ...territory('b', 'resting'), waitingFor: 'propagation', until: NOON_MS, oldestReceivedAt: null },
    ];
    expect((await get('territories?state=resting')).body).toEqual({
      items: [
        {
          id: 'b',
          state: 'resting',
          pending: 1,
          oldestReceivedAt: null,
          waitingFor: 'propagation',
          until: NOON,
          deadLetters: 0,
        },
      ],
      next: null,
    });
  });

  it('show one lane with its pending changes', async () => {
    stage.lanes.lanes = [territory('a')];
    expect((await get('territories/a')).body).toEqual({
      id: 'a',
      state: 'ready',
      pending: 1,
      oldestReceivedAt: NOON,
      waitingFor: null,
      until: null,
      deadLetters: 0,
      changes: [{ id: 'c1', source: '/crm', position: 7, receivedAt: NOON, assignments: 2, attempts: 1 }],
      fence: 3,
      owner: null,
    });
    expectProblem(await get('territories/b'), { status: 404, code: 'UNKNOWN_TERRITORY' });
  });

  it('are paused and resumed one by one, with a body or without', async () => {
    expect(await post('territories/a/pause')).toMatchObject({ status: 200, body: { id: 'a', paused: true } });
    expect([...stage.lanes.paused]).toEqual(['a']);
    const bare = await call('POST', 'territories/a/resume', {
      headers: { 'content-type': 'application/json' },
    });
    expect(bare).toMatchObject({ status: 200, body: { id: 'a', paused: false } });
    expect([...stage.lanes.paused]).toEqual([]);
    expectProblem(await post('territories/a/resume'), { status: 404, code: 'UNKNOWN_TERRITORY' });
  });

  it.each(['x'.repeat(101), '%00'])('are not paused under an id that none can have: %s', async (id) => {
    expectProblem(await post(`territories/${id}/pause`), {
      status: 400,
      detail: expect.stringMatching(/^id must/),
    });
    expect(stage.lanes.paused.size).toBe(0);
  });
});

describe('an id in the path', () => {
  it.each([
    'a/b',
    "it's",
    '"q"',
    'a,b;c=d',
    '%2F',
    '..',
    '.',
    '?x#y',
    'ü€😀',
    ' ',
    '+',
    'replay',
    'x'.repeat(128),
    '€'.repeat(256),
  ])('may be %s', async (id) => {
    stage.lanes.paths.set(id, { kind: 'ambiguous', sources: ['/a', '/b'] });
    // encodeURIComponent leaves dots alone, which some clients would then resolve away; this one does not.
    await get(`changes/${encodeURIComponent(id)}`);
    expect(stage.lanes.asked).toEqual([[id, undefined]]);
  });

  it('may be any text at all, in every route that takes one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), async (id) => {
        const segment = encodeURIComponent(id);
        stage.deadLetters.letters = [deadLetter(id)];
        stage.lanes.lanes = [territory(id)];
        stage.lanes.asked.length = 0;
        expect(await get(`dead-letters/${segment}`)).toMatchObject({ body: { id } });
        expect(await get(`territories/${segment}`)).toMatchObject({ body: { id } });
        expect(await post(`dead-letters/${segment}/discard`, { note: 'n' })).toMatchObject({ body: { id } });
        await get(`changes/${segment}?source=${segment}`);
        expect(stage.lanes.asked).toEqual([[id, id]]);
      }),
      { numRuns: 100 },
    );
  });

  it('is refused where it is longer than any', async () => {
    expectProblem(await get(`changes/${'x'.repeat(257)}`), { status: 414, code: 'BAD_REQUEST' });
    expect(stage.lanes.asked).toEqual([]);
  });

  it('is refused where it is not UTF-8', async () => {
    expectProblem(await get('changes/%ff'), { status: 400, code: 'BAD_REQUEST' });
  });
});

describe('the path of a change', () => {
  it('is told step by step', async () => {
    const path = {
      id: 'e1',
      source: '/crm',
      territoryId: 'EMEA',
      position: 7,
      state: 'ended',
      outcome: 'applied',
      decision: 0,
    } as const;
    const steps = [
      { at: NOON_MS, step: 'received' },
      { at: NOON_MS + 5, step: 'sent', assignment: 'T1', detail: 'first' },
    ] as const;
    stage.lanes.paths.set('e1', { kind: 'found', path: { ...path, steps } });
    expect((await get('changes/e1?source=/crm')).body).toEqual({
      ...path,
      steps: [
        { at: NOON, step: 'received' },
        { at: '2026-11-22T12:00:00.005Z', step: 'sent', assignment: 'T1', detail: 'first' },
      ],
    });
  });

  it('needs the source where several have that id, and names them', async () => {
    stage.lanes.paths.set('e1', { kind: 'ambiguous', sources: ['/a', '/b'] });
    expectProblem(await get('changes/e1'), { status: 409, code: 'AMBIGUOUS_ID', sources: ['/a', '/b'] });
  });

  it('is not made up', async () => {
    expectProblem(await get('changes/e1'), { status: 404, code: 'UNKNOWN_CHANGE' });
  });
});

describe('the dead letters', () => {
  it('are listed by reason and territory, in the contract’s members', async () => {
    stage.deadLetters.letters = [
      deadLetter('1', { reason: 'OVERLAP', expiresAt: NOON_MS }),
      deadLetter('2', { reason: 'OVERLAP', territoryId: null }),
      deadLetter('3'),
    ];
    expect((await get('dead-letters?reason=OVERLAP&territory=EMEA')).body).toEqual({
      items: [
        {
          id: '1',
          territoryId: 'EMEA',
          changeId: 'change of 1',
          source: '/crm',
          reason: 'OVERLAP',
          message: 'T001 was changed by others',
          failedAt: NOON,
          attempts: 6,
          conflicts: 6,
          state: 'open',
          expiresAt: NOON,
        },
      ],
      next: null,
    });
  });

  it('show payload, history and decisions', async () => {
    const decision = { at: NOON_MS, by: 'local', action: 'replay', note: 'again' } as const;
    stage.deadLetters.letters = [deadLetter('1', { state: 'replayed', decisions: [decision] })];
    expect(await get('dead-letters/1')).toMatchObject({
      type: 'application/json; charset=utf-8',
      body: {
        id: '1',
        state: 'replayed',
        payload: { a: 1 },
        contentType: 'application/json',
        history: [{ at: NOON, step: 'sent' }],
        laterChanges: 2,
        decisions: [{ ...decision, at: NOON }],
      },
    });
    expectProblem(await get('dead-letters/2'), { status: 404, code: 'UNKNOWN_DEAD_LETTER' });
  });

  it('are replayed as they were, or edited, or over what came later', async () => {
    stage.deadLetters.letters = [deadLetter('1')];
    const answer = await post('dead-letters/1/replay');
    expect(answer).toMatchObject({ status: 202 });
    expect(answer.body).toEqual({ id: '1', decision: 1, changeId: 'change of 1', position: 7 });
    await post('dead-letters/1/replay', {
      note: 'edited',
      overwrite: true,
      assignments: [{ id: 'T1', fields: JSON.parse('{"owner":"E1","__proto__":"x"}') as object }],
    });
    const [plain, edited] = stage.deadLetters.orders.map(({ order }) => order);
    expect(plain).toEqual({ by: 'local', note: '', overwrite: false });
    expect(edited).toMatchObject({
      by: 'local',
      note: 'edited',
      overwrite: true,
      assignments: [{ id: 'T1', operation: 'update' }],
    });
    const { assignments } = edited as { assignments: readonly { fields: object }[] };
    expect(Object.entries(assignments[0]?.fields ?? {})).toEqual([
      ['owner', 'E1'],
      ['__proto__', 'x'],
    ]);
  });

  it('are discarded with a note that says why', async () => {
    stage.deadLetters.letters = [deadLetter('1')];
    const answer = await post('dead-letters/1/discard', { note: 'obsolete' });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ id: '1', decision: 1, changeId: 'change of 1', position: 7 });
    expect(stage.deadLetters.orders).toEqual([{ id: '1', order: { by: 'local', note: 'obsolete' } }]);
  });

  it('are decided once', async () => {
    stage.deadLetters.answers.set('1', { kind: 'decided', state: 'discarded', by: 'eva', at: NOON_MS });
    for (const answer of [
      await post('dead-letters/1/replay'),
      await post('dead-letters/1/discard', { note: 'n' }),
    ]) {
      expectProblem(answer, {
        status: 409,
        code: 'ALREADY_DECIDED',
        state: 'discarded',
        by: 'eva',
        at: NOON,
      });
    }
    expectProblem(await post('dead-letters/2/replay'), { status: 404, code: 'UNKNOWN_DEAD_LETTER' });
  });

  it('say why a decision cannot be done as asked', async () => {
    const refused = { code: 'NEEDS_OVERWRITE', message: 'Too old.', action: 'Say overwrite.' };
    stage.deadLetters.answers.set('1', { kind: 'refused', ...refused });
    expectProblem(await post('dead-letters/1/replay'), {
      status: 409,
      code: refused.code,
      detail: refused.message,
      action: refused.action,
    });
  });

  it('are replayed by filter, oldest first, and what could not be is named', async () => {
    stage.deadLetters.letters = ['1', '2', '3'].map((id) => deadLetter(id, { reason: 'API_ERROR' }));
    stage.deadLetters.letters.push(
      deadLetter('4', { reason: 'API_ERROR', failedAt: NOON_MS + 1 }),
      deadLetter('5'),
    );
    stage.deadLetters.answers.set('2', {
      kind: 'refused',
      code: 'NEEDS_OVERWRITE',
      message: 'm',
      action: 'a',
    });
    stage.deadLetters.answers.set('3', { kind: 'decided', state: 'replayed', by: 'eva', at: NOON_MS });
    const answer = await post('dead-letters/replay', {
      filter: { reason: 'API_ERROR', failedBefore: '2026-11-22T13:00:00.001+01:00' },
      note: 'repaired',
    });
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({
      matched: 3,
      accepted: 1,
      skipped: [
        { id: '2', code: 'NEEDS_OVERWRITE' },
        { id: '3', code: 'ALREADY_DECIDED' },
      ],
    });
    expect(stage.deadLetters.orders.map(({ id }) => id)).toEqual(['1', '2', '3']);
    expect(stage.deadLetters.orders[0]?.order).toEqual({ by: 'local', note: 'repaired', overwrite: false });
  });

  it('are never replayed all at once by an empty filter', async () => {
    stage.deadLetters.letters = [deadLetter('1')];
    expectProblem(await post('dead-letters/replay', { filter: {} }), { status: 400, code: 'EMPTY_FILTER' });
    expect(stage.deadLetters.orders).toEqual([]);
  });
});

describe('the switch of everything', () => {
  it('stops and starts what is named', async () => {
    expect(await post('processing/pause', { what: 'all' })).toMatchObject({
      status: 200,
      body: { paused: { intake: true, flights: true } },
    });
    expect(await post('processing/resume', { what: 'flights' })).toMatchObject({
      body: { paused: { intake: true, flights: false } },
    });
  });
});
