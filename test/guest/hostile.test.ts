/** A guest that attacks its own stub, or makes any call with any arguments, harms itself alone. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { compile, gcc, sayAbsent } from './support/compiler.js';
import { troupe } from './support/run.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('hostile');
const when = gcc ? test : test.skip;
if (!gcc) sayAbsent('gcc');

describe('hostile guests', () => {
  let program = '';
  beforeAll(() => {
    if (gcc) program = compile('hostile', folder);
  });

  when.each([
    'jump',
    'jump-middle',
    'write',
    'overwrite-all',
    'map-over',
    'unmap',
    'protect',
    'remap',
    'int80',
    'sysenter',
    'bad-stack',
    'syscall-from-new-page',
  ])('%s: the guest gets an error or dies; troupe lives', async (mode) => {
    const result = await troupe(['--timeout', '20'], [program, mode], { timeoutMs: 40_000 });
    expect(result).toMatchObject({ timedOut: false, leftovers: [] });
    // 0: refused with an errno; otherwise a signal ended it. Never a failure of troupe, never the timeout.
    expect([0, 128 + 4, 128 + 5, 128 + 7, 128 + 9, 128 + 11, 128 + 31]).toContain(result.status);
  });

  // Odd seeds read and write; even ones make pipes and the like, which a read could wait for.
  when.each([1, 2])(
    'numbers from 0 to 1,000 with random arguments, 100,000 calls, seed %i',
    async (seed) => {
      const result = await troupe(['--timeout', '80'], [program, 'fuzz', String(seed), '100000'], {
        timeoutMs: 90_000,
      });
      expect(result).toMatchObject({ status: 42, timedOut: false, leftovers: [] });
      expect(result.stderr).toBe('');
    },
    100_000,
  );

  when.each([1, 2])(
    'calls that end, stop, fork or wedge their caller, by 200 children, seed %i',
    async (seed) => {
      const result = await troupe(['--timeout', '80'], [program, 'wild', String(seed), '200'], {
        timeoutMs: 90_000,
      });
      expect(result).toMatchObject({ status: 42, timedOut: false, leftovers: [] });
      expect(result.stderr.split('\n').filter((line) => line.includes('"level":50'))).toEqual([]);
    },
    100_000,
  );
});
