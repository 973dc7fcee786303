/** The programs of examples/ do what they say. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { CLI, run } from './support/run.js';

const EXAMPLES = join(CLI, '../../../examples');

async function example(name: string): Promise<string> {
  const { status, stdout, stderr, leftovers } = await run(process.execPath, [join(EXAMPLES, name)]);
  expect({ status, stderr, leftovers }).toEqual({ status: 0, stderr: '', leftovers: [] });
  return stdout.toString();
}

test('observe.mjs', async () => {
  const text = await example('observe.mjs');
  expect(text).toMatch(/^process 2 runs sh -c /);
  expect(text).toMatch(/process \d+ opened \/etc\/passwd \(O_RDONLY/);
  expect(text).toMatch(/\d+ events, 0 dropped\n$/);
  expect(text).not.toMatch(/opened (?!\/etc\/)/);
});

test('hooks.mjs', async () => {
  const text = await example('hooks.mjs');
  expect(text).toContain('cat: /etc/shadow: Permission denied\n');
  expect(text).toMatch(/\n1234\nremoving: 0\n$/);
});

test('inject.mjs', async () => {
  const text = await example('inject.mjs');
  expect(text).toContain('read:short=7: some output, status 0\n');
  expect(text).toContain('openat:error=EMFILE:when=5+: no output, status 1\n');
  expect(text).toContain('write:signal=SIGTERM: some output, SIGTERM\n');
  expect(text).toContain('write:delay_enter=20ms: some output, status 0\n');
});

test('pause-and-signals.mjs', async () => {
  expect(await example('pause-and-signals.mjs')).toMatch(
    /^(\d+ (sh|sleep) is (blocked|stopped|zombie)\n)+nothing moved\nheard, status 0\n$/,
  );
});

test('kernel-in-steps.mjs', async () => {
  expect(await example('kernel-in-steps.mjs')).toBe(
    'nothing has run yet: new\nstage: process 1 lives, on 2 CPUs\nprocess 1 ended with wait status 0\n',
  );
});

test('save-and-load.mjs', async () => {
  const text = await example('save-and-load.mjs');
  expect(text.replace(/saved: less than 16 MiB\n/, '')).toBe(
    'step 1\nstep 2\nstep 3\nstep 4\nstep 5\nhello, kept\nstatus 0\n',
  );
  expect(text).toMatch(/step 2\n(step 3\n)?saved/);
});
