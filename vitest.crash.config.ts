/** Crashes of real processes: `npm run test:crash`; SHORT=1 takes the short form, SEED=n another course of events. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: ['test/crash/compiled.ts'],
    include: ['test/crash/**/*.test.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // They measure, so they do not run side by side.
    maxWorkers: 1,
  },
});
