/** Which calls of a body go past its shard. */
import { expect, test } from '@jest/globals';
import { NR } from '../../../../src/abi/numbers.js';
import { asksForSignals, bringsMask, callsByLane } from '../../../../src/kernel/home/lane-calls.js';
import type { Task } from '../../../../src/kernel/task/task.js';
import { LANE_CALLS } from '../../../../src/platform/systrap/layout.js';

test('what its shard has a part in does not go by the lane', () => {
  const byLane = callsByLane();
  expect([NR.read, NR.getppid, NR.wait4, NR.kill].every((n) => byLane.includes(n))).toBe(true);
  expect([NR.ptrace, NR.mmap, NR.prctl, NR.execve].some((n) => byLane.includes(n))).toBe(false);
  expect(Math.max(...byLane)).toBeLessThan(LANE_CALLS);
});

/** A task of whose memory only this is there: a pointer at 0x1000. */
function taskWith(pointer: bigint): Task {
  const space = {
    read: (at: number, into: Uint8Array) => {
      if (at !== 0x1000) return 0;
      into.set(new Uint8Array(new BigUint64Array([pointer]).buffer));
      return into.length;
    },
  };
  return { mm: { space } } as unknown as Task;
}
const call = (number: number, index: number, value: number) => {
  const args = new Uint32Array(12);
  args[2 * index] = value;
  return { number, args };
};

test('a wait with a signal mask is for the shard of its task, and one without is not', () => {
  const task = taskWith(0n);
  expect(bringsMask(task, call(NR.ppoll, 3, 0))).toBe(false);
  expect(bringsMask(task, call(NR.ppoll, 3, 0x2000))).toBe(true);
  expect(bringsMask(task, call(NR.epoll_pwait, 4, 0x2000))).toBe(true);
  expect(bringsMask(task, call(NR.poll, 2, 0x2000))).toBe(false);
});

test('pselect6 has its mask behind a pointer, and one that cannot be read is not answered at home', () => {
  expect(bringsMask(taskWith(0n), call(NR.pselect6, 5, 0x1000))).toBe(false);
  expect(bringsMask(taskWith(0x7000n), call(NR.pselect6, 5, 0x1000))).toBe(true);
  expect(bringsMask(taskWith(0n), call(NR.pselect6, 5, 0x3000))).toBe(true);
});

test('only waits that came to nothing ask for signals', () => {
  expect(asksForSignals(NR.poll, 0)).toBe(true);
  expect(asksForSignals(NR.poll, 1)).toBe(false);
  expect(asksForSignals(NR.read, 0)).toBe(false);
});
