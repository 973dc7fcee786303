/** Many kernels in one process, each with a guest: they do not disturb each other, and nothing is left. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { INDEX, run } from './support/run.js';

const SCRIPT = join(INDEX, '../../bench/kernels.mjs');

test('twenty-four kernels, twelve at a time, leave no thread and no descriptor, and Node has nothing to warn of', async () => {
  const { stdout, ...result } = await run(process.execPath, ['--expose-gc', SCRIPT, '24', '12']);
  expect(result).toMatchObject({ status: 0, stderr: '', leftovers: [], timedOut: false });
  expect(JSON.parse(stdout.toString())).toMatchObject({ kernels: 24, leftThreads: 0, leftDescriptors: 0 });
});
