/** Which calls a body answers by itself. */
import { expect, test } from '@jest/globals';
import { NR } from '../../../../src/abi/numbers.js';
import { callsByLane, whereToAnswer } from '../../../../src/kernel/home/here.js';
import { dirfd, fd, path, pathOrNull } from '../../../../src/kernel/syscalls/codecs.js';
import { declarations } from '../../../../src/kernel/syscalls/table.js';
import { LANE_CALLS } from '../../../../src/platform/systrap/layout.js';

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

test('what its shard has a part in does not go by the lane', () => {
  const byLane = callsByLane();
  expect([NR.read, NR.getppid, NR.wait4, NR.kill].every((n) => byLane.includes(n))).toBe(true);
  expect([NR.ppoll, NR.ptrace, NR.mmap, NR.prctl, NR.execve].some((n) => byLane.includes(n))).toBe(false);
  expect(Math.max(...byLane)).toBeLessThan(LANE_CALLS);
});
