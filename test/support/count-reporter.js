/** A jest reporter that writes the plain line which .ci/run ends with. */
import { writeFileSync } from 'node:fs';

export default class CountReporter {
  onRunComplete(_contexts, results) {
    const file = process.env['TROUPE_TEST_COUNTS'];
    if (!file) return;
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites } =
      results;
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    const skipped = numPendingTests + numTodoTests;
    writeFileSync(file, `${numPassedTests} passed, ${failed} failed, ${skipped} skipped\n`);
  }
}
