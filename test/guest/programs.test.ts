/** Each program of test/guest/c, dynamic and static, says the same natively and under troupe. */
import { describe, test } from '@jest/globals';
import { expectSame } from './support/compare.js';
import { compile, cPrograms, gcc, sayAbsent } from './support/compiler.js';
import { tempFolder } from './support/temp.js';

/** Not comparable: what it does natively would be done to the host. */
const NOT_NATIVELY = ['hostile'];

const folder = tempFolder('programs');
const programs = cPrograms().filter((name) => !NOT_NATIVELY.includes(name));
if (!gcc) sayAbsent('gcc');

describe.each(programs)('%s', (name) => {
  const when = gcc ? test : test.skip;

  when('dynamic', async () => {
    await expectSame(compile(name, folder), ['one', 'two words', ''], { cwd: folder, input: 'typed\n' });
  });

  when('static', async () => {
    await expectSame(compile(name, folder, ['-static']), [], { cwd: folder, input: 'typed\n' });
  });
});
