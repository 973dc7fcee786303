/** Which calls a body answers by itself. */
import { expect, test } from '@jest/globals';
import { NR } from '../../../../src/abi/numbers.js';
import { whereToAnswer } from '../../../../src/kernel/home/here.js';
import { dirfd, fd, path, pathOrNull } from '../../../../src/kernel/syscalls/codecs.js';
import { declarations } from '../../../../src/kernel/syscalls/table.js';

test('what takes a path or a descriptor is answered at home, but for memory and programs', () => {
  const ofHome: unknown[] = [path, pathOrNull, fd, dirfd];
  const here = declarations
    .filter((d) => whereToAnswer(d.number) === 'here' && d.args.some((a) => ofHome.includes(a.codec)))
    .map((d) => d.name);
  expect(here).toEqual(['mmap', 'execve', 'execveat']);
});

test('what nobody named goes home', () => {
  expect([NR.read, NR.wait4, NR.kill, NR.socket, 9999].map(whereToAnswer)).toEqual(Array(5).fill('home'));
});

test('credentials and limits are changed on both sides', () => {
  expect([NR.setresuid, NR.prlimit64, NR.prctl].map(whereToAnswer)).toEqual(['both', 'both', 'both']);
});
