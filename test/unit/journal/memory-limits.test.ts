import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import { Trails } from '../../../srv/journal/memory/trails.ts';
import { appendNew, change, claimOnly } from '../../contract/journal/samples.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';

describe('Of a lane with more pending than is handed out', () => {
  let journal: MemoryJournal;

  beforeEach(async () => {
    journal = new MemoryJournal({ clock: new ManualClock() });
    await appendNew(
      journal,
      Array.from({ length: 1001 }, (_, index) => change(`c${index}`, 'EMEA')),
    );
  });

  it('a flight gets the first thousand changes', async () => {
    const { changes } = await claimOnly(journal);
    expect(changes).toHaveLength(1000);
    expect(changes.at(-1)?.change.id).toBe('c999');
  });

  it('two hundred are shown, and all are counted', async () => {
    const lane = await journal.lane('EMEA');
    expect(lane).toMatchObject({ pending: 1001 });
    expect(lane?.changes).toHaveLength(200);
    expect(lane?.changes[0]?.ref.id).toBe('c0');
  });
});

it('the paths of the changes that ended last are remembered', () => {
  const trails = new Trails(2);
  const refs = ['first', 'second', 'third'].map((id) => ({ source: '/crm', id }));
  for (const ref of refs) {
    trails.begin({ ref, territoryId: 'EMEA', position: 1, decision: 0 }, []);
    trails.end(ref, 'applied');
  }
  expect(refs.map((ref) => trails.has(ref))).toEqual([false, true, true]);
});
