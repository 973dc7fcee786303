/**
 * A share of the suite on two shards: programs of test/guest/c, which the first of them runs away from its home,
 * say what they say natively. All of it: `TROUPE_TEST_PLACEMENT=spread TROUPE_TEST_CORES=2 npm run -s jest -- guest`.
 */
import { describe, test } from '@jest/globals';
import { expectSame } from './support/compare.js';
import { compile, cPrograms, gcc, sayAbsent } from './support/compiler.js';
import { tempFolder } from './support/temp.js';

const LEFT_OUT = new Map([
  ['hostile', 'what it does natively would be done to the host'],
  ['ptrace', 'not supported away from home (kernel/home/README.md)'],
  ['timers', 'takes 4 s by its nature'],
]);

const folder = tempFolder('spread');
if (!gcc) sayAbsent('gcc');

describe('on two shards', () => {
  const when = gcc ? test : test.skip;
  const programs = cPrograms().filter((name) => !LEFT_OUT.has(name));

  when.each(programs)('%s', async (name) => {
    await expectSame(compile(name, folder), ['one', 'two words', ''], {
      cwd: folder,
      input: 'typed\n',
      sandbox: ['--cores', '2', '--placement', 'spread'],
    });
  });
});
