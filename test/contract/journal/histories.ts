/** Random histories of calls, compared step by step with the model. A failure prints its seed and its shortest history. */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { commands, type Real } from './commands.ts';
import type { JournalSetup } from './bench.ts';
import { JournalModel } from './model.ts';

export function journalHistories(
  name: string,
  setup: JournalSetup,
  options: { readonly histories: number },
): void {
  // Quick where nothing else runs; a busy machine has all the time it needs.
  describe(`${name} over random histories`, () => {
    it(
      'answers as the model does: appends, claims, waits, takeovers, messages, releases, lost receivers',
      async () => {
        const property = fc.asyncProperty(commands, async (history) => {
          const under = await setup();
          const { journal } = under;
          const real: Real = { under, journal, claims: [], released: [] };
          const stop = journal.onReleased((receipt) => real.released.push(receipt));
          try {
            await fc.asyncModelRun(() => ({ model: new JournalModel(journal.durability), real }), history);
          } finally {
            stop();
            await under.close();
          }
        });
        await fc.assert(property, { numRuns: options.histories, endOnFailure: false });
      },
      120_000 + 300 * options.histories,
    );
  });
}
