/** What a whole flight makes of trouble that concerns no record. */
import { expect, test } from 'vitest';
import { appendNew, change } from '../../contract/journal/samples.ts';
import { flownWorld } from './flown-world.ts';

test('a request that the API certainly did not act on costs no attempt, and leaves nothing in doubt', async () => {
  const { api, journal, flyOnce } = flownWorld();
  await appendNew(journal, [change('first', 'NORTH', { records: ['T1'] })]);
  const write = api.write.bind(api);
  const answers = [false, true].map((sent) => ({
    kind: 'trouble' as const,
    trouble: { reason: 'throttled' as const, message: 'slower' },
    sent,
  }));
  const attempts: number[] = [];
  const doubts: (string | undefined)[] = [];
  for (const answer of answers) {
    api.write = async () => answer;
    await flyOnce();
    const [claimed] = await journal.claim({ records: 50, leaseMs: 0 });
    attempts.push(claimed?.changes[0]?.attempts ?? -1);
    doubts.push(claimed?.memory.records.get('T1')?.doubt);
  }
  expect(attempts).toEqual([0, 1]);
  expect(doubts).toEqual([undefined, 'sent']);
  api.write = write;
  await flyOnce();
  expect(api.landed).toHaveLength(1);
});
