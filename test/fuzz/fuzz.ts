/**
 * Runs a reader of foreign bytes on many inputs. It must not throw anything but its declared errors, must not take long over one input,
 * and must not hold on to memory. A failure prints seed and shortest input; FUZZ_SEED repeats it.
 */
import fc from 'fast-check';
import { expect } from 'vitest';

/** Cases of each property; FUZZ_CASES takes another number. */
export const CASES = Number(process.env['FUZZ_CASES'] ?? (process.env['SHORT'] === '1' ? 400 : 100_000));
const SEED = process.env['FUZZ_SEED'];

/** Processor time of one case, so that a busy machine does not count; a hang takes any time. */
const CASE_LIMIT_MS = 2_000;
/** What the heap may have grown by when all cases are over: caches of the runtime, never the inputs. */
const HEAP_GROWTH_LIMIT_BYTES = 48 * 1024 * 1024;

type ErrorClass = abstract new (...args: never[]) => Error;

/**
 * @param declared errors that the reader says it throws
 * @param cases how many, where an input is a batch of cases, or large
 * @param caseLimitMs processor time of one case, where a case is several large inputs
 */
export async function fuzz<T>(
  inputs: fc.Arbitrary<T>,
  read: (input: T) => unknown,
  {
    declared = [],
    cases = CASES,
    caseLimitMs = CASE_LIMIT_MS,
  }: {
    readonly declared?: readonly ErrorClass[];
    readonly cases?: number;
    readonly caseLimitMs?: number;
  } = {},
): Promise<void> {
  let slowestMs = 0;
  const before = heapBytes();
  const startOfAll = process.cpuUsage();
  const property = fc.asyncProperty(inputs, async (input) => {
    const start = process.cpuUsage();
    try {
      await read(input);
    } catch (error) {
      if (!declared.some((kind) => error instanceof kind)) throw error;
      expect((error as Error).message, 'an error is told on one line').not.toMatch(/[\n\r]/u);
    }
    const { user, system } = process.cpuUsage(start);
    const tookMs = (user + system) / 1_000;
    slowestMs = Math.max(slowestMs, tookMs);
    expect(tookMs, 'processor time of one case, ms').toBeLessThan(caseLimitMs);
  });
  await fc.assert(property, { numRuns: cases, ...(SEED !== undefined && { seed: Number(SEED) }) });
  const { user, system } = process.cpuUsage(startOfAll);
  const cpuS = ((user + system) / 1_000_000).toFixed(1);
  const grownBytes = heapBytes() - before;
  const grownMb = (grownBytes / 1_048_576).toFixed(1);
  console.log(
    `${expect.getState().currentTestName}: ${cases} runs in ${cpuS} s of processor time, slowest ${slowestMs.toFixed(1)} ms, heap ${grownMb} MB more`,
  );
  expect(grownBytes).toBeLessThan(HEAP_GROWTH_LIMIT_BYTES);
}

function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc: npm run test:fuzz');
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}
