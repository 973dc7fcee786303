/** A worker that ends by force takes its kernel along, at once and with nothing left behind. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { INDEX, run } from './support/run.js';

const SCRIPT = join(INDEX, '../../test/guest/support/break-a-shard.mjs');

test.each([
  ['the home', '0'],
  ['another shard', '1'],
])(
  '%s ends in the middle: every process fails with what happened, no stub stays, nothing hangs',
  async (_, shard) => {
    const result = await run(process.execPath, [SCRIPT, INDEX, shard]);
    const [why, ...rest] = result.stdout.toString().trim().split('\n');
    expect(why).toMatch(new RegExp(`shard ${shard} ended: worker exited with code: 1$`));
    expect(rest).toEqual(['closed']);
    expect(result).toMatchObject({ status: 0, stderr: '', leftovers: [], timedOut: false });
  },
);
