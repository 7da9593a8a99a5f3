/**
 * What every journal guarantees, whatever stands behind it. An adapter passes by running this suite: where the two
 * kinds of durability differ, the suite asks the journal which it is.
 */
import { afterEach, beforeEach, describe } from 'vitest';
import { appendGuarantees } from './journal/append.ts';
import type { Bench, JournalSetup } from './journal/bench.ts';
import { claimGuarantees } from './journal/claim.ts';
import { flightGuarantees } from './journal/flight.ts';
import { holdGuarantees } from './journal/hold.ts';
import { operatedGuarantees } from './journal/operated.ts';
import { replayGuarantees } from './journal/replay.ts';
import { settlingGuarantees } from './journal/settling.ts';

export type { JournalSetup, JournalSetupOptions, JournalUnderTest } from './journal/bench.ts';

/** Runs the suite; `setup` is called once for each test. */
export function journalContract(name: string, setup: JournalSetup): void {
  describe(`${name} as a journal`, () => {
    const bench = { setup } as Bench;
    beforeEach(async () => {
      bench.under = await setup();
    });
    afterEach(() => bench.under.close());

    appendGuarantees(bench);
    claimGuarantees(bench);
    flightGuarantees(bench);
    settlingGuarantees(bench);
    replayGuarantees(bench);
    operatedGuarantees(bench);
    holdGuarantees(bench);
  });
}
