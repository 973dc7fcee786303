/** The programs of examples/ do what they say. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { INDEX, run } from './support/run.js';

const EXAMPLES = join(INDEX, '../../examples');

const EXPECTED: Readonly<Record<string, RegExp>> = {
  'pause-and-signals.mjs':
    /^(\d+ (sh|sleep) is (blocked|stopped|zombie)\n)+nothing moved\nheard, status 0\n$/,
  'kernel-in-steps.mjs':
    /^nothing has run yet: new\nstage: process 1 lives, on 2 CPUs\nprocess 1 ended with wait status 0\n$/,
};

test.each(Object.keys(EXPECTED))('%s', async (name) => {
  const result = await run(process.execPath, [join(EXAMPLES, name)]);
  expect(result.stderr).toBe('');
  expect(result.stdout.toString()).toMatch(EXPECTED[name] as RegExp);
  expect([result.status, result.leftovers]).toEqual([0, []]);
});
