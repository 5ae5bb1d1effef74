// Test projects: `tidy` (the code's own rules), `unit` (beside the source), `system` (black box, through sockets, as root).
import { defineConfig } from 'vitest/config';

const rules = [
  'test/architecture.test.ts',
  'test/tidy.test.ts',
  'test/documents.test.ts',
  'test/errors-documented.test.ts',
  'scripts/generate-client-types.test.ts',
];

/** Minutes by themselves: each has a command of its own. */
const long = ['test/long/**/*.test.ts', 'test/matrix/docker-*.test.ts', 'test/interop/compose.test.ts'];

export default defineConfig({
  test: {
    projects: [
      // the bound is for what hangs: git may have to wait for its disk
      { test: { name: 'tidy', include: rules, testTimeout: 60_000 } },
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: [...rules, '**/node_modules/**'],
          // bounds for what hangs: how long a thing takes on a machine under load is nobody's failure
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: { poll: { timeout: 30_000, interval: 5 } },
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: [...rules, ...long, '**/node_modules/**'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // one file at a time: each starts daemons, and the leak checks compare the machine before and after
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'long',
          include: long,
          testTimeout: 900_000,
          hookTimeout: 1_200_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
