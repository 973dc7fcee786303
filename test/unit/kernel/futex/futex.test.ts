import { describe, expect, test } from '@jest/globals';
import { CLONE } from '../../../../src/abi/clone.js';
import { E } from '../../../../src/abi/errno.js';
import {
  FUTEX_CLOCK_REALTIME,
  FUTEX_CMP_REQUEUE,
  FUTEX_LOCK_PI,
  FUTEX_OP_ADD,
  FUTEX_OP_CMP_EQ,
  FUTEX_OWNER_DIED,
  FUTEX_PRIVATE_FLAG,
  FUTEX_WAIT,
  FUTEX_WAIT_BITSET,
  FUTEX_WAITERS,
  FUTEX_WAKE,
  FUTEX_WAKE_BITSET,
  FUTEX_WAKE_OP,
} from '../../../../src/abi/futex.js';
import { NR } from '../../../../src/abi/numbers.js';
import { userAddr } from '../../../../src/base/brand.js';
import type { FakeContext } from '../../../../src/platform/fake/fake-context.js';
import {
  call,
  callWithChild,
  type GuestProgram,
  type GuestStep,
} from '../../../../src/platform/fake/guest-program.js';
import { DATA, FakeKernel } from '../../../support/fake-kernel.js';

const THREAD = CLONE.VM | CLONE.FS | CLONE.FILES | CLONE.SIGHAND | CLONE.THREAD;
const SECOND = 1_000_000_000;
const PRIVATE_WAIT = FUTEX_WAIT | FUTEX_PRIVATE_FLAG;
const PRIVATE_WAKE = FUTEX_WAKE | FUTEX_PRIVATE_FLAG;

function writeWords(guest: FakeContext, addr: number, ...words: number[]): void {
  guest.addressSpace.write(userAddr(addr), new Uint8Array(Uint32Array.from(words).buffer));
}

function readWord(guest: FakeContext, addr: number): number {
  const bytes = new Uint8Array(4);
  guest.addressSpace.read(userAddr(addr), bytes);
  return new DataView(bytes.buffer).getUint32(0, true);
}

function* thread(program: GuestProgram, index: number): Generator<GuestStep, number, number> {
  return yield* callWithChild(program, NR.clone, THREAD, DATA + 0x1_0000 + index * 0x1000);
}

/** Lets the others get as far as they can. */
function* settle(): Generator<GuestStep, void, number> {
  for (let i = 0; i < 10; i++) yield* call(NR.getpid);
}

function run(program: GuestProgram): FakeKernel {
  const kernel = new FakeKernel();
  kernel.spawn(program);
  kernel.run();
  return kernel;
}

describe('futex', () => {
  test('FUTEX_WAIT with another value fails with EAGAIN, unaligned with EINVAL, unmapped with EFAULT', () => {
    const seen: number[] = [];
    run(function* () {
      seen.push(yield* call(NR.futex, DATA, PRIVATE_WAIT, 1, 0, 0, 0));
      seen.push(yield* call(NR.futex, DATA + 2, PRIVATE_WAIT, 0, 0, 0, 0));
      seen.push(yield* call(NR.futex, 0x1000, PRIVATE_WAIT, 0, 0, 0, 0));
      seen.push(yield* call(NR.futex, 0x1000, FUTEX_WAKE, 1, 0, 0, 0));
      seen.push(yield* call(NR.futex, DATA, FUTEX_LOCK_PI, 0, 0, 0, 0));
      seen.push(yield* call(NR.futex, DATA, FUTEX_WAIT_BITSET, 0, 0, 0, 0));
      seen.push(yield* call(NR.futex, DATA, PRIVATE_WAIT | FUTEX_CLOCK_REALTIME, 0, 0, 0, 0));
      yield* call(NR.exit_group, 0);
    });
    const [again, invalid, fault, faultToo, owned, noBits, noClock] = seen;
    expect([again, invalid, fault, faultToo]).toEqual([-E.EAGAIN, -E.EINVAL, -E.EFAULT, -E.EFAULT]);
    expect([owned, noBits, noClock]).toEqual([0, -E.EINVAL, -E.ENOSYS]);
  });

  test('FUTEX_WAKE wakes as many as it is told, in the order they came', () => {
    const order: unknown[] = [];
    run(function* () {
      for (const i of [0, 1, 2]) {
        yield* thread(function* () {
          order.push(i, yield* call(NR.futex, DATA, PRIVATE_WAIT, 0, 0, 0, 0));
          yield* call(NR.exit, 0);
        }, i);
      }
      yield* settle();
      order.push('two', yield* call(NR.futex, DATA, PRIVATE_WAKE, 2, 0, 0, 0));
      yield* settle();
      order.push('rest', yield* call(NR.futex, DATA, PRIVATE_WAKE, 0x7fff_ffff, 0, 0, 0));
      order.push('none', yield* call(NR.futex, DATA, PRIVATE_WAKE, 1, 0, 0, 0));
      yield* call(NR.exit_group, 0);
    });
    expect(order.slice(0, 6)).toEqual(['two', 2, 0, 0, 1, 0]);
    expect(order).toContain('rest');
    expect(order.at(-1)).toBe(0);
  });

  test('bitsets choose who wakes', () => {
    const woken: number[] = [];
    run(function* () {
      for (const bits of [1, 2]) {
        yield* thread(function* () {
          yield* call(NR.futex, DATA, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, 0, 0, bits);
          woken.push(bits);
          yield* call(NR.exit, 0);
        }, bits);
      }
      yield* settle();
      yield* call(NR.futex, DATA, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 9, 0, 0, 2);
      yield* settle();
      yield* call(NR.exit_group, 0);
    });
    expect(woken).toEqual([2]);
  });

  test('FUTEX_CMP_REQUEUE wakes some and moves others to the second word', () => {
    const seen: unknown[] = [];
    run(function* () {
      for (const i of [0, 1, 2]) {
        yield* thread(function* () {
          yield* call(NR.futex, DATA, PRIVATE_WAIT, 0, 0, 0, 0);
          seen.push(`woken ${i}`);
          yield* call(NR.exit, 0);
        }, i);
      }
      yield* settle();
      const op = FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG;
      seen.push(yield* call(NR.futex, DATA, op, 1, 9, DATA + 64, 1));
      seen.push(yield* call(NR.futex, DATA, op, 1, 9, DATA + 64, 0));
      yield* settle();
      seen.push(yield* call(NR.futex, DATA, PRIVATE_WAKE, 9, 0, 0, 0));
      seen.push(yield* call(NR.futex, DATA + 64, PRIVATE_WAKE, 9, 0, 0, 0));
      yield* settle();
      yield* call(NR.exit_group, 0);
    });
    expect(seen).toEqual([-E.EAGAIN, 3, 'woken 0', 0, 2, 'woken 1', 'woken 2']);
  });

  test('FUTEX_WAKE_OP changes the second word and wakes there when its old value compares', () => {
    const seen: number[] = [];
    run(function* (guest) {
      yield* thread(function* () {
        yield* call(NR.futex, DATA + 64, PRIVATE_WAIT, 5, 0, 0, 0);
        yield* call(NR.exit, 0);
      }, 0);
      writeWords(guest, DATA + 64, 5);
      yield* settle();
      const encoded = (FUTEX_OP_ADD << 28) | (FUTEX_OP_CMP_EQ << 24) | (2 << 12) | 5;
      seen.push(
        yield* call(NR.futex, DATA, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, 1, DATA + 64, encoded >>> 0),
      );
      seen.push(readWord(guest, DATA + 64));
      yield* call(NR.exit_group, 0);
    });
    expect(seen).toEqual([1, 7]);
  });

  test('a relative time runs out with ETIMEDOUT; absolute ones are of either clock', () => {
    const seen: number[] = [];
    const kernel = run(function* (guest) {
      writeWords(guest, DATA + 64, 2, 0, 0, 0);
      seen.push(yield* call(NR.futex, DATA, PRIVATE_WAIT, 0, DATA + 64, 0, 0));
      writeWords(guest, DATA + 64, 5, 0, 0, 0);
      seen.push(yield* call(NR.futex, DATA, FUTEX_WAIT_BITSET, 0, DATA + 64, 0, 1));
      writeWords(guest, DATA + 64, 1_700_000_007, 0, 0, 0);
      const op = FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME;
      seen.push(yield* call(NR.futex, DATA, op, 0, DATA + 64, 0, 1));
      yield* call(NR.exit_group, 0);
    });
    kernel.advance(1.9 * SECOND);
    expect(seen).toEqual([]);
    kernel.advance(0.2 * SECOND);
    expect(seen).toEqual([-E.ETIMEDOUT]);
    kernel.advance(2 * SECOND);
    expect(seen).toHaveLength(2);
    kernel.advance(1.8 * SECOND);
    expect(seen).toHaveLength(2);
    kernel.advance(0.2 * SECOND);
    expect(seen).toEqual([-E.ETIMEDOUT, -E.ETIMEDOUT, -E.ETIMEDOUT]);
    expect(kernel.armedTimers).toBe(0);
  });

  test('private futexes of two processes at the same address are two', () => {
    const seen: number[] = [];
    run(function* () {
      yield* callWithChild(function* () {
        yield* call(NR.futex, DATA, PRIVATE_WAIT, 0, 0, 0, 0);
      }, NR.fork);
      yield* settle();
      seen.push(yield* call(NR.futex, DATA, PRIVATE_WAKE, 9, 0, 0, 0));
      yield* call(NR.exit_group, 0);
    });
    expect(seen).toEqual([0]);
  });

  test('a thread that ends with a robust lock held marks it and wakes one who waits', () => {
    const seen: number[] = [];
    run(function* (guest) {
      const lock = DATA + 0x100;
      const head = DATA + 0x200;
      const tid = yield* thread(function* (own) {
        // head → entry (at the lock + 8) → head; the word is 8 before its entry.
        writeWords(own, head, lock + 8, 0, 0xffff_fff8, 0xffff_ffff, 0, 0);
        writeWords(own, lock, 0, 0, head, 0);
        yield* settle();
        writeWords(own, lock, (3 | FUTEX_WAITERS) >>> 0);
        const task = kernelTask(own);
        task.robustList = userAddr(head);
        yield* settle();
        yield* call(NR.exit, 0);
      }, 0);
      while (readWord(guest, lock) === 0) yield* call(NR.getpid);
      seen.push(tid, yield* call(NR.futex, lock, FUTEX_WAIT, (3 | FUTEX_WAITERS) >>> 0, 0, 0, 0));
      seen.push(readWord(guest, lock));
      yield* call(NR.exit_group, 0);
    });
    expect(seen).toEqual([3, 0, (FUTEX_OWNER_DIED | FUTEX_WAITERS) >>> 0]);
  });
});

function kernelTask(guest: FakeContext): { robustList: number } {
  return guest.owner as { robustList: number };
}
