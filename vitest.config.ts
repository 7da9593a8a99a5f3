import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: ['test/found-services.ts'],
    include: ['test/**/*.test.ts'],
    // Minutes long: `npm run test:faults`.
    exclude: ['test/faults/**'],
    // A real socket test may wait for a condition for seconds; a unit test never does.
    testTimeout: 20_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
