/** The journal that a test is about. */
import type { Journal, OperatedJournal } from '../../../srv/journal/port.ts';

/** A journal with nothing in it, and the means to let its time pass. */
export interface JournalUnderTest {
  readonly journal: Journal & OperatedJournal;
  /** Lets this much time pass for the journal: leases and waits end by it. (In a database: moves stored times back.) */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface JournalSetupOptions {
  /** Released changes that an embedded journal remembers. */
  readonly rememberedChanges?: number;
}

export type JournalSetup = (options?: JournalSetupOptions) => Promise<JournalUnderTest>;

/** The journal of the test that runs: another one for each test. */
export interface Bench {
  under: JournalUnderTest;
  readonly setup: JournalSetup;
}
