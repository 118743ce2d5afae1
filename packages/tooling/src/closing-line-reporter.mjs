// Prints `N passed, N failed, N skipped` as the last line. A file that cannot be loaded, an unhandled error and a check that failed
// before the tests (BERTH_FAILED_CHECKS) count as failed.
export default class ClosingLineReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const count = { passed: 0, failed: unhandledErrors.length + Number(process.env.BERTH_FAILED_CHECKS ?? 0), skipped: 0 }
    for (const module of modules) {
      if (module.errors().length > 0) count.failed += 1
      for (const test of module.children.allTests()) {
        const state = test.result().state
        if (state === 'pending') count.failed += 1
        else count[state] += 1
      }
    }
    process.on('exit', () => {
      console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
    })
  }
}
