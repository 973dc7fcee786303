import { describe, expect, test } from '@jest/globals';
import { E } from '../../../../src/abi/errno.js';
import { NR } from '../../../../src/abi/numbers.js';
import { PTRACE, PTRACE_EVENT, PTRACE_O } from '../../../../src/abi/ptrace.js';
import { SIG } from '../../../../src/abi/signal.js';
import { __WALL, stoppedStatus, WNOHANG } from '../../../../src/abi/wait.js';
import { userAddr } from '../../../../src/base/brand.js';
import { ptraceCalls } from '../../../../src/kernel/syscalls/ptrace.js';
import type { FakeContext } from '../../../../src/platform/fake/fake-context.js';
import {
  call,
  callWithChild,
  computeUntil,
  type GuestProgram,
  type GuestRun,
  type GuestStep,
} from '../../../../src/platform/fake/guest-program.js';
import { DATA, FakeKernel, watchExit } from '../../../support/fake-kernel.js';

const STATUS = DATA + 0x100;

function newKernel(): FakeKernel {
  const kernel = new FakeKernel();
  for (const declaration of ptraceCalls) kernel.declare(declaration);
  return kernel;
}

function word(guest: FakeContext, addr: number): number {
  const bytes = new Uint8Array(4);
  guest.addressSpace.read(userAddr(addr), bytes);
  return new DataView(bytes.buffer).getUint32(0, true);
}

const fork = (program: GuestProgram): Generator<GuestStep, number, number> => callWithChild(program, NR.fork);

function* wait(guest: FakeContext, pid: number): Generator<GuestStep, number, number> {
  const r = yield* call(NR.wait4, pid, STATUS, __WALL, 0);
  return r < 0 ? r : word(guest, STATUS);
}

/** Runs `child` traced by `tracer`, which is told the child's number when it has stopped by SIGSTOP. */
function trace(
  child: GuestProgram,
  tracer: (guest: FakeContext, pid: number) => GuestRun,
): { kernel: FakeKernel; exit: { status: number | undefined } } {
  const kernel = newKernel();
  const task = kernel.spawn(function* (guest) {
    const pid = yield* fork(function* (self) {
      yield* call(NR.ptrace, PTRACE.TRACEME, 0, 0, 0);
      const me = yield* call(NR.getpid);
      yield* call(NR.kill, me, SIG.STOP);
      yield* child(self);
    });
    expect(yield* wait(guest, pid)).toBe(stoppedStatus(SIG.STOP));
    yield* tracer(guest, pid);
    yield* call(NR.exit_group, 0);
  });
  const exit = watchExit(task);
  kernel.run();
  return { kernel, exit };
}

describe('ptrace', () => {
  test('a tracee stops at the entry and the exit of system calls, marked by TRACESYSGOOD', () => {
    const seen: number[] = [];
    const { exit } = trace(
      function* () {
        yield* call(NR.getppid);
        yield* call(NR.exit_group, 3);
      },
      function* (guest, pid) {
        yield* call(NR.ptrace, PTRACE.SETOPTIONS, pid, 0, PTRACE_O.TRACESYSGOOD);
        for (let i = 0; i < 5; i++) {
          yield* call(NR.ptrace, PTRACE.SYSCALL, pid, 0, 0);
          seen.push(yield* wait(guest, pid));
        }
      },
    );
    const stop = stoppedStatus(SIG.TRAP | 0x80);
    // The rest of kill, getppid, then exit_group, which does not come back.
    expect(seen).toEqual([stop, stop, stop, 3 << 8, -E.ECHILD]);
    expect(exit.status).toBe(0);
  });

  test('a signal stops the tracee, and the tracer says what is delivered', () => {
    const seen: number[] = [];
    const { exit } = trace(
      function* () {
        const me = yield* call(NR.getpid);
        yield* call(NR.kill, me, SIG.TERM);
        yield* call(NR.kill, me, SIG.USR1);
        yield* call(NR.exit_group, 0);
      },
      function* (guest, pid) {
        yield* call(NR.ptrace, PTRACE.CONT, pid, 0, 0);
        seen.push(yield* wait(guest, pid));
        yield* call(NR.ptrace, PTRACE.CONT, pid, 0, 0);
        seen.push(yield* wait(guest, pid));
        yield* call(NR.ptrace, PTRACE.CONT, pid, 0, SIG.KILL);
        seen.push(yield* wait(guest, pid));
      },
    );
    expect(seen).toEqual([stoppedStatus(SIG.TERM), stoppedStatus(SIG.USR1), SIG.KILL]);
    expect(exit.status).toBe(0);
  });

  test('fork stops with an event whose message is the child, which is traced and stops too', () => {
    const seen: number[] = [];
    let message = 0;
    trace(
      function* () {
        yield* fork(function* () {
          yield* call(NR.exit_group, 5);
        });
        yield* call(NR.exit_group, 6);
      },
      function* (guest, pid) {
        yield* call(NR.ptrace, PTRACE.SETOPTIONS, pid, 0, PTRACE_O.TRACEFORK);
        yield* call(NR.ptrace, PTRACE.CONT, pid, 0, 0);
        seen.push(yield* wait(guest, pid));
        yield* call(NR.ptrace, PTRACE.GETEVENTMSG, pid, 0, DATA);
        message = word(guest, DATA);
        seen.push(yield* wait(guest, message));
        yield* call(NR.ptrace, PTRACE.CONT, message, 0, 0);
        seen.push(yield* wait(guest, message));
        yield* call(NR.ptrace, PTRACE.DETACH, pid, 0, 0);
        seen.push(yield* wait(guest, pid));
      },
    );
    expect(seen).toEqual([
      stoppedStatus(SIG.TRAP | (PTRACE_EVENT.FORK << 8)),
      stoppedStatus(SIG.STOP),
      5 << 8,
      6 << 8,
    ]);
    expect(message).toBeGreaterThan(0);
  });

  test('memory is read and written through it, and the exit is told before it happens', () => {
    const seen: number[] = [];
    trace(
      function* (guest) {
        guest.addressSpace.write(userAddr(DATA), new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));
        yield* call(NR.getpid);
        seen.push(word(guest, DATA));
        yield* call(NR.exit_group, 9);
      },
      function* (guest, pid) {
        yield* call(NR.ptrace, PTRACE.SETOPTIONS, pid, 0, PTRACE_O.TRACEEXIT);
        yield* call(NR.ptrace, PTRACE.SYSCALL, pid, 0, 0);
        yield* wait(guest, pid);
        yield* call(NR.ptrace, PTRACE.SYSCALL, pid, 0, 0);
        yield* wait(guest, pid);
        seen.push(yield* call(NR.ptrace, PTRACE.PEEKDATA, pid, DATA, DATA + 8), word(guest, DATA + 8));
        yield* call(NR.ptrace, PTRACE.POKEDATA, pid, DATA, 77);
        seen.push(yield* call(NR.ptrace, PTRACE.PEEKDATA, pid, 0x1000, DATA + 8));
        yield* call(NR.ptrace, PTRACE.CONT, pid, 0, 0);
        seen.push(yield* wait(guest, pid));
        yield* call(NR.ptrace, PTRACE.GETEVENTMSG, pid, 0, DATA);
        seen.push(word(guest, DATA));
        yield* call(NR.ptrace, PTRACE.CONT, pid, 0, 0);
        seen.push(yield* wait(guest, pid));
      },
    );
    const exit = stoppedStatus(SIG.TRAP | (PTRACE_EVENT.EXIT << 8));
    expect(seen).toEqual([0, 0x04030201, -E.EIO, 77, exit, 9 << 8, 9 << 8]);
  });

  test('a seized task is interrupted where it is; requests to one that runs fail with ESRCH', () => {
    const seen: number[] = [];
    const kernel = newKernel();
    let stop = false;
    kernel.spawn(function* (guest) {
      const pid = yield* fork(function* () {
        yield* computeUntil(() => stop);
        yield* call(NR.exit_group, 0);
      });
      seen.push(yield* call(NR.ptrace, PTRACE.CONT, pid, 0, 0));
      seen.push(yield* call(NR.ptrace, PTRACE.SEIZE, pid, 0, PTRACE_O.EXITKILL));
      seen.push(yield* call(NR.ptrace, PTRACE.SEIZE, pid, 0, 0));
      seen.push(yield* call(NR.ptrace, PTRACE.CONT, pid, 0, 0));
      seen.push(yield* call(NR.ptrace, PTRACE.INTERRUPT, pid, 0, 0));
      seen.push(yield* wait(guest, pid));
      seen.push(yield* call(NR.wait4, pid, STATUS, WNOHANG | __WALL, 0));
      stop = true;
      yield* call(NR.ptrace, PTRACE.CONT, pid, 0, 0);
      seen.push(yield* wait(guest, pid));
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    const interrupted = stoppedStatus(SIG.TRAP | (PTRACE_EVENT.STOP << 8));
    expect(seen).toEqual([-E.ESRCH, 0, -E.EPERM, -E.ESRCH, 0, interrupted, 0, 0]);
  });

  test('the end of a tracer lets its tracees go, or kills them with EXITKILL', () => {
    const ends: (number | undefined)[] = [];
    for (const options of [0, PTRACE_O.EXITKILL]) {
      const kernel = newKernel();
      let stop = false;
      const tracee = kernel.spawn(function* () {
        yield* computeUntil(() => stop);
        yield* call(NR.exit_group, 4);
      });
      const exit = watchExit(tracee);
      kernel.spawn(function* () {
        yield* call(NR.ptrace, PTRACE.SEIZE, tracee.tid, 0, options);
        yield* call(NR.exit_group, 0);
      });
      for (let i = 0; i < 5; i++) {
        kernel.settle();
        kernel.platform.poll();
      }
      stop = true;
      kernel.run();
      ends.push(exit.status);
      expect(tracee.tracee).toBeUndefined();
    }
    expect(ends).toEqual([4 << 8, SIG.KILL]);
  });
});
