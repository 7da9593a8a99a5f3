import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: ['test/found-services.ts'],
    include: ['test/**/*.test.ts'],
    // Minutes long: `npm run test:e2e`, `test:crash`, `test:faults`, `test:fuzz`.
    exclude: ['**/node_modules/**', 'test/e2e/**', 'test/crash/**', 'test/faults/**', 'test/fuzz/**'],
    // Only a test that hangs takes so long. They wait for conditions, and a busy machine makes each wait many times longer.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
