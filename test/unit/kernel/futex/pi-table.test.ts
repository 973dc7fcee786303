import { describe, expect, test } from '@jest/globals';
import { CLONE } from '../../../../src/abi/clone.js';
import { E } from '../../../../src/abi/errno.js';
import {
  FUTEX_LOCK_PI,
  FUTEX_OWNER_DIED,
  FUTEX_PRIVATE_FLAG,
  FUTEX_TID_MASK,
  FUTEX_UNLOCK_PI,
  FUTEX_WAITERS,
} from '../../../../src/abi/futex.js';
import { NR } from '../../../../src/abi/numbers.js';
import { userAddr } from '../../../../src/base/brand.js';
import { call, callWithChild, type GuestProgram } from '../../../../src/platform/fake/guest-program.js';
import { DATA, FakeKernel } from '../../../support/fake-kernel.js';

const LOCK = FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG;
const UNLOCK = FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG;
const THREAD = CLONE.VM | CLONE.FS | CLONE.FILES | CLONE.SIGHAND | CLONE.THREAD;
const thread = (program: GuestProgram): ReturnType<typeof callWithChild> =>
  callWithChild(program, NR.clone, THREAD, 0, 0, 0, 0);

function run(program: (kernel: FakeKernel) => GuestProgram): FakeKernel {
  const kernel = new FakeKernel();
  kernel.spawn(program(kernel));
  kernel.run();
  return kernel;
}

describe('priority-inheriting futexes', () => {
  test('the lock goes to the waiter of the highest priority, then to those who came first', () => {
    const order: string[] = [];
    const contender = (name: string): GuestProgram =>
      function* () {
        // Time for its maker to give it a priority.
        for (let i = 0; i < 3; i++) yield* call(NR.gettid);
        yield* call(NR.futex, DATA, LOCK, 0, 0, 0, 0);
        order.push(name);
        yield* call(NR.futex, DATA, UNLOCK, 0, 0, 0, 0);
        yield* call(NR.exit, 0);
      };
    run(
      (kernel) =>
        function* () {
          yield* call(NR.futex, DATA, LOCK, 0, 0, 0, 0);
          yield* thread(contender('first'));
          yield* thread(contender('second'));
          const tid = yield* thread(contender('urgent'));
          const urgent = kernel.tasks.byTid(tid);
          if (urgent) urgent.scheduling.priority = 5;
          for (let i = 0; i < 8; i++) yield* call(NR.gettid);
          yield* call(NR.futex, DATA, UNLOCK, 0, 0, 0, 0);
          yield* call(NR.exit, 0);
        },
    );
    expect(order).toEqual(['urgent', 'first', 'second']);
  });

  test('a free lock is taken, an own one is EDEADLK, that of nobody ESRCH, and only the owner frees it', () => {
    const seen: number[] = [];
    run(
      () =>
        function* (guest) {
          seen.push(yield* call(NR.futex, DATA, LOCK, 0, 0, 0, 0));
          seen.push(yield* call(NR.futex, DATA, LOCK, 0, 0, 0, 0));
          seen.push(yield* call(NR.futex, DATA, UNLOCK, 0, 0, 0, 0));
          seen.push(yield* call(NR.futex, DATA, UNLOCK, 0, 0, 0, 0));
          guest.addressSpace.write(userAddr(DATA), new Uint8Array(Uint32Array.of(77_777).buffer));
          seen.push(yield* call(NR.futex, DATA, LOCK, 0, 0, 0, 0));
          yield* call(NR.exit_group, 0);
        },
    );
    expect(seen).toEqual([0, -E.EDEADLK, 0, -E.EPERM, -E.ESRCH]);
  });

  test('an owner that ends leaves the lock to the next, marked', () => {
    let word = 0;
    let heir = 0;
    run(
      () =>
        function* (guest) {
          yield* thread(function* () {
            yield* call(NR.futex, DATA, LOCK, 0, 0, 0, 0);
            yield* call(NR.gettid);
            yield* call(NR.exit, 0);
          });
          heir = yield* call(NR.gettid);
          const got = yield* call(NR.futex, DATA, LOCK, 0, 0, 0, 0);
          expect(got).toBe(0);
          const bytes = new Uint8Array(4);
          guest.addressSpace.read(userAddr(DATA), bytes);
          word = new DataView(bytes.buffer).getUint32(0, true);
          yield* call(NR.exit_group, 0);
        },
    );
    expect(word & FUTEX_TID_MASK).toBe(heir);
    expect(word & FUTEX_OWNER_DIED).not.toBe(0);
    expect(word & FUTEX_WAITERS).toBe(0);
  });
});
