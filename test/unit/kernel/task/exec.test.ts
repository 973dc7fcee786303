import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { CLONE } from '../../../../src/abi/clone.js';
import { E } from '../../../../src/abi/errno.js';
import { NR } from '../../../../src/abi/numbers.js';
import { SIG, SIG_IGN } from '../../../../src/abi/signal.js';
import { userAddr } from '../../../../src/base/brand.js';
import type { LoadedProgram, LoadRequest } from '../../../../src/kernel/loader/load.js';
import type { KernelServices } from '../../../../src/kernel/services.js';
import type { FakeContext } from '../../../../src/platform/fake/fake-context.js';
import type { GuestProgram } from '../../../../src/platform/fake/guest-program.js';

const NEW_ENTRY = 0x4_0000;
const THREAD = CLONE.VM | CLONE.FS | CLONE.FILES | CLONE.SIGHAND | CLONE.THREAD;

let requests: LoadRequest[] = [];

// The loader needs files and ELF images; here every program but "missing" is one placed at NEW_ENTRY.
jest.unstable_mockModule('../../../../src/kernel/loader/load.js', () => ({
  loadProgram: (
    services: KernelServices,
    request: LoadRequest,
  ): LoadedProgram | InstanceType<typeof Failure> => {
    requests.push(request);
    if (request.filename === 'missing') return fail(E.ENOENT);
    const mm = MemoryManager.create(services, { stackLimit: 8 << 20, fixed: false });
    return {
      mm,
      pc: userAddr(NEW_ENTRY),
      sp: userAddr(0x5_0000),
      comm: request.filename,
      exe: request.ctx.root,
      creds: request.creds,
    };
  },
}));

const { Failure, fail } = await import('../../../../src/kernel/outcome.js');
const { MemoryManager } = await import('../../../../src/kernel/mm/memory-manager.js');
const { execCalls } = await import('../../../../src/kernel/syscalls/exec.js');
const { call, callWithChild, computeUntil } = await import('../../../../src/platform/fake/guest-program.js');
const { DATA, FakeKernel, watchExit } = await import('../../../support/fake-kernel.js');

type Kernel = InstanceType<typeof FakeKernel>;

function write(guest: FakeContext, addr: number, bytes: Uint8Array): void {
  guest.addressSpace.write(userAddr(addr), bytes);
}

/** A name at DATA, and argv ["one", "two"] at DATA + 256. */
function prepare(guest: FakeContext, name: string): [number, number, number] {
  write(guest, DATA, Buffer.from(`${name}\0one\0two\0`, 'latin1'));
  const first = DATA + name.length + 1;
  write(guest, DATA + 256, new Uint8Array(BigUint64Array.of(BigInt(first), BigInt(first + 4), 0n).buffer));
  return [DATA, DATA + 256, 0];
}

function newKernel(program: GuestProgram): Kernel {
  const kernel = new FakeKernel();
  for (const d of execCalls) kernel.declare(d);
  kernel.platform.place(userAddr(NEW_ENTRY), program);
  return kernel;
}

beforeEach(() => {
  requests = [];
});

describe('execve', () => {
  test('runs the new program under the same number, with the arguments given', () => {
    const seen: number[] = [];
    const kernel = newKernel(function* () {
      seen.push(yield* call(NR.getpid));
      yield* call(NR.exit_group, 8);
    });
    const task = kernel.spawn(function* (guest) {
      yield* call(NR.execve, ...prepare(guest, 'program'));
      seen.push(-1);
    });
    const exit = watchExit(task);
    kernel.run();
    expect(seen).toEqual([2]);
    expect(exit.status).toBe(8 << 8);
    expect(task.comm).toBe('program');
    expect(requests[0]?.argv).toEqual(['one', 'two']);
    expect(kernel.platform.spaces.every((s) => s.released)).toBe(true);
  });

  test('a failure leaves everything as it was', () => {
    let result = 0;
    const kernel = newKernel(() => computeUntil(() => false));
    const exit = watchExit(
      kernel.spawn(function* (guest) {
        result = yield* call(NR.execve, ...prepare(guest, 'missing'));
        yield* call(NR.exit_group, 1);
      }),
    );
    kernel.run();
    expect(result).toBe(-E.ENOENT);
    expect(exit.status).toBe(1 << 8);
  });

  test('handlers are reset, what is ignored stays ignored, the alternate stack is gone', () => {
    const kernel = newKernel(() => computeUntil(() => false));
    const task = kernel.spawn(function* (guest) {
      write(guest, DATA, new Uint8Array(BigUint64Array.of(0x3_0000n, 0n, 0n, 0n).buffer));
      yield* call(NR.rt_sigaction, SIG.USR1, DATA, 0, 8);
      write(guest, DATA, new Uint8Array(BigUint64Array.of(BigInt(SIG_IGN), 0n, 0n, 0n).buffer));
      yield* call(NR.rt_sigaction, SIG.USR2, DATA, 0, 8);
      write(guest, DATA, new Uint8Array(BigUint64Array.of(BigInt(DATA), 0n, 0x4000n).buffer));
      yield* call(NR.sigaltstack, DATA, 0);
      yield* call(NR.execve, ...prepare(guest, 'program'));
    });
    kernel.run();
    expect(task.group.actions.get(SIG.USR1).handler).toBe(0);
    expect(task.group.actions.get(SIG.USR2).handler).toBe(SIG_IGN);
    expect(task.altStack.size).toBe(0);
  });

  test('by a thread: all others end, and it becomes the leader with the number of the process', () => {
    const seen: number[] = [];
    const kernel = newKernel(function* () {
      seen.push(yield* call(NR.getpid), yield* call(NR.gettid));
      yield* call(NR.exit_group, 4);
    });
    const task = kernel.spawn(function* () {
      yield* callWithChild(() => computeUntil(() => false), NR.clone, THREAD, DATA + 0x4000);
      yield* callWithChild(
        function* (guest) {
          seen.push(yield* call(NR.gettid));
          yield* call(NR.execve, ...prepare(guest, 'program'));
        },
        NR.clone,
        THREAD,
        DATA + 0x8000,
      );
      yield* call(NR.pause);
    });
    const exit = watchExit(task);
    kernel.run();
    expect(seen).toEqual([4, 2, 2]);
    expect(exit.status).toBe(4 << 8);
    expect(kernel.tasks.size).toBe(0);
    expect(kernel.platform.spaces.every((s) => s.released)).toBe(true);
  });

  test('a vfork parent goes on when the child executes; its memory stays', () => {
    const order: string[] = [];
    const kernel = newKernel(function* () {
      order.push('program');
      yield* call(NR.getpid);
      yield* call(NR.exit_group, 0);
    });
    kernel.spawn(function* (guest) {
      yield* callWithChild(function* (own) {
        order.push('child');
        yield* call(NR.execve, ...prepare(own, 'program'));
      }, NR.vfork);
      order.push('parent');
      const [, argv] = prepare(guest, 'still');
      order.push(argv > 0 ? 'writes' : '');
      yield* call(NR.wait4, -1, 0, 0, 0);
      order.push('waited');
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(order[0]).toBe('child');
    expect(order.at(-1)).toBe('waited');
    expect(order).toContain('program');
    expect(kernel.platform.spaces.every((s) => s.released)).toBe(true);
  });
});
