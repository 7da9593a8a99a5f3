/** Under `review` a delete that was left out, with its change, must not make what its source sends later an overlap. */
import { describe, expect, test } from 'vitest';
import type { AssignmentChange } from '../../../srv/events/change.ts';
import { outcomeOf } from '../../../srv/events/outcome.ts';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import type { EndChange } from '../../../srv/lanes/lane-report.ts';
import { Undeleted } from '../../../srv/lanes/undeleted.ts';
import { appendNew, change } from '../../contract/journal/samples.ts';
import { flightDeps } from '../../doubles/flight-deps.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { PROMPT, BAD, TerritoryApiDouble } from '../../doubles/territory-api.ts';
import { flyUntil } from './fly-until.ts';
import { create, remove, update } from './samples.ts';

const DAYS_90 = 90 * 24 * 3_600_000;

/** Changes as transactions; answers how each ended. */
function world() {
  const clock = new ManualClock();
  const api = new TerritoryApiDouble(clock, PROMPT);
  api.seed('NORTH/T1', { owner: 'nobody' });
  api.seed('NORTH/T2', { owner: 'nobody', team: 'old' });
  const journal = new MemoryJournal({ clock });
  const ended: string[] = [];
  const endChange: EndChange = ({ position }, _, results) => {
    ended.push(results.map(({ result, error }) => error?.code ?? result).join());
    return { position, outcome: outcomeOf(results), messages: [] };
  };
  const deps = flightDeps({
    api,
    journal,
    clock,
    endChange,
    rules: {
      retry: { limit: 1, firstDelayMs: 0, maxDelayMs: 0 },
      propagation: { minMs: 0, maxMs: 0 },
      onOverlap: 'review',
      ownEtags: 'ignored',
      transactions: { maxRecords: 10 },
    },
  });
  const apply = async (id: string, assignments: readonly AssignmentChange[]): Promise<string | undefined> => {
    const arrival = change(id, 'NORTH');
    await appendNew(journal, [{ ...arrival, change: { ...arrival.change, assignments } }]);
    const before = ended.length;
    await flyUntil(() => ended.length > before, { journal, clock, deps });
    return ended.at(-1);
  };
  return { api, apply };
}

describe('after a delete that was skipped with its transaction', () => {
  const LEFT = [update('T1', { owner: BAD }), remove('T2')];
  /** As a source sees it that believes in the delete. */
  const LATER = [
    [create('T2', { owner: 'E1' })],
    [update('T2', { team: 'new' }, { team: null })],
    [update('T2', { owner: 'E2', region: 'X' }, { owner: 'E1', region: null })],
  ];

  test('what its source makes of the record anew is no overlap', async () => {
    const { api, apply } = world();
    expect(await apply('left', LEFT)).toBe('REJECTED_BY_API,skipped');
    const ends: (string | undefined)[] = [];
    for (const [index, assignments] of LATER.entries()) ends.push(await apply(`later ${index}`, assignments));
    expect(ends).toEqual(['updated', 'updated', 'updated']);
    expect(api.history('NORTH/T2').at(-1)).toMatchObject({ owner: 'E2', team: 'new', region: 'X' });
  });

  test('what another program has written since is one', async () => {
    const { api, apply } = world();
    await apply('left', LEFT);
    await apply('create', LATER[0] ?? []);
    api.writeForeign('NORTH/T2');
    expect(await apply('update', LATER[1] ?? [])).toBe('OVERLAP');
  });
});

describe('what is remembered', () => {
  const versions = (memory: Undeleted) => memory.all.map(({ id, etag }) => `${id} ${etag}`);

  test('moves on with our own writes, and ends with one of an unknown version or after 90 days', () => {
    const memory = new Undeleted([], 0);
    memory.left('T1', 'e1');
    memory.wrote('T1', 'e1', 'e2');
    memory.wrote('T2', 'e1', 'e2');
    expect([memory.explains('T1', 'e1'), memory.explains('T1', 'e2')]).toEqual([false, true]);
    expect(new Undeleted(memory.all, DAYS_90 - 1).all).toEqual(memory.all);
    expect(new Undeleted(memory.all, DAYS_90).all).toEqual([]);
    for (const [from, to] of [['e1', 'e3'], ['e2'], [undefined, 'e3']]) {
      const other = new Undeleted(memory.all, 0);
      other.wrote('T1', from, to);
      expect(other.all).toEqual([]);
    }
  });

  test('is bounded: the oldest is forgotten', () => {
    const memory = new Undeleted([], 0);
    for (let index = 0; index <= 200; index += 1) memory.left(`T${index}`, 'e');
    expect(memory.all).toHaveLength(200);
    expect([versions(memory)[0], versions(memory).at(-1)]).toEqual(['T1 e', 'T200 e']);
  });
});
