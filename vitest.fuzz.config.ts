/** Fuzzing of what reads foreign bytes: `npm run test:fuzz`, at least 100,000 cases each; SHORT=1 takes seconds. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/fuzz/**/*.test.ts'],
    testTimeout: 3_600_000,
    pool: 'forks',
    // The heap is measured after a collection.
    execArgv: ['--expose-gc'],
    maxWorkers: 2,
  },
});
