import { defineConfig } from 'vitest/config'

const wholeMachine = { fileParallelism: false, testTimeout: 120_000, hookTimeout: 240_000 }
const lastTest = 'test/system/leaves-nothing-behind.test.ts'

// Groups run one after another: pure code, then everything that boots, one file at a time, then the look back at the machine.
export default defineConfig({
  test: {
    reporters: ['default', './packages/tooling/src/closing-line-reporter.mjs'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: ['test/bench/**', lastTest],
          globalSetup: ['test/system/global-setup.ts'],
          sequence: { groupOrder: 1 },
          ...wholeMachine,
        },
      },
      { test: { name: 'last', include: [lastTest], sequence: { groupOrder: 2 }, ...wholeMachine } },
    ],
  },
})
