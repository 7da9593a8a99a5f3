/** The long suites of faults and contention: `npm run test:faults`; SHORT=1 takes their short forms. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    testTimeout: 600_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // They measure, so they do not run side by side.
    maxWorkers: 1,
  },
});
