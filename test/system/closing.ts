/** What tests open, closed for them: the last one first, as what stands on something ends before it. */
import { afterAll, afterEach } from 'vitest';

/** Things to do when a test is over. */
export type Closing = (() => unknown)[];

/** To be given what each test opens; closes it after the test. */
export function closedAfterEach(): Closing {
  const open: Closing = [];
  afterEach(() => closeAll(open));
  return open;
}

/** To be given what the tests open together; closes it after the last one. */
export function closedAfterAll(): Closing {
  const open: Closing = [];
  afterAll(() => closeAll(open));
  return open;
}

/** Closes everything, even where closing one thing fails, and rejects with the first failure then. */
export async function closeAll(open: Closing): Promise<void> {
  const failures: unknown[] = [];
  for (const close of open.splice(0).toReversed()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
