/**
 * What every journal guarantees, whatever stands behind it. An adapter passes by running this suite: where the two
 * kinds of durability differ, the suite asks the journal which it is.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Journal } from '../../srv/journal/port.ts';
import { appendGuarantees } from './journal/append.ts';
import type { Bench, JournalSetup } from './journal/bench.ts';
import { claimGuarantees } from './journal/claim.ts';
import { flightGuarantees } from './journal/flight.ts';
import { holdGuarantees } from './journal/hold.ts';
import { operatedGuarantees } from './journal/operated.ts';
import { replayGuarantees } from './journal/replay.ts';
import { settlingGuarantees } from './journal/settling.ts';

export type { JournalSetup, JournalSetupOptions, JournalUnderTest } from './journal/bench.ts';

/** Runs the suite for a journal of this durability; `setup` is called once for each test. */
export function journalContract(name: string, durability: Journal['durability'], setup: JournalSetup): void {
  describe(`${name} as a journal`, () => {
    const bench = { setup } as Bench;
    beforeEach(async () => {
      bench.under = await setup();
    });
    it('has the durability that it is said to have', () =>
      expect(bench.under.journal.durability).toBe(durability));
    afterEach(() => bench.under.close());

    appendGuarantees(bench);
    claimGuarantees(bench);
    flightGuarantees(bench);
    settlingGuarantees(bench);
    replayGuarantees(bench);
    operatedGuarantees(bench);
    if (durability === 'journal') holdGuarantees(bench);
  });
}
