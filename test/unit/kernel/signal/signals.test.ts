import { describe, expect, test } from '@jest/globals';
import { CLONE } from '../../../../src/abi/clone.js';
import { E } from '../../../../src/abi/errno.js';
import { NR } from '../../../../src/abi/numbers.js';
import { SA, SEGV, SI, SIG, SIG_BLOCK, SIG_IGN, SIG_SETMASK } from '../../../../src/abi/signal.js';
import { stoppedStatus, WCONTINUED, WUNTRACED } from '../../../../src/abi/wait.js';
import { userAddr } from '../../../../src/base/brand.js';
import type { FakeContext } from '../../../../src/platform/fake/fake-context.js';
import {
  call,
  callWithChild,
  computeUntil,
  fault,
  type GuestProgram,
  type GuestStep,
} from '../../../../src/platform/fake/guest-program.js';
import { DATA, FakeKernel, STACK_TOP, watchExit } from '../../../support/fake-kernel.js';

const HANDLER = 0x3_0000;
const RESTORER = 0x3_1000;
const SECOND = 1_000_000_000;
const THREAD = CLONE.VM | CLONE.FS | CLONE.FILES | CLONE.SIGHAND | CLONE.THREAD;

function write64(guest: FakeContext, addr: number, ...words: (number | bigint)[]): void {
  const values = new BigUint64Array(words.map(BigInt));
  guest.addressSpace.write(userAddr(addr), new Uint8Array(values.buffer));
}

function read64(guest: FakeContext, addr: number): bigint {
  const bytes = new Uint8Array(8);
  guest.addressSpace.read(userAddr(addr), bytes);
  return new DataView(bytes.buffer).getBigUint64(0, true);
}

/** sigaction with the kernel's struct at DATA. */
function* action(
  guest: FakeContext,
  signo: number,
  handler: number,
  options: { flags?: number; mask?: bigint } = {},
): Generator<GuestStep, number, number> {
  const flags = BigInt(SA.RESTORER) | BigInt((options.flags ?? 0) >>> 0);
  write64(guest, DATA, handler, flags, RESTORER, options.mask ?? 0n);
  return yield* call(NR.rt_sigaction, signo, DATA, 0, 8);
}

const bit = (signo: number): bigint => 1n << BigInt(signo - 1);

/** Runs one process to its end and gives the wait status. */
function statusOf(program: GuestProgram, kernel = new FakeKernel()): number | undefined {
  const exit = watchExit(kernel.spawn(program));
  kernel.run();
  return exit.status;
}

describe('default actions', () => {
  test('SIGTERM terminates, and the status says so', () => {
    const status = statusOf(function* () {
      yield* call(NR.kill, 2, SIG.TERM);
      yield* call(NR.exit_group, 0);
    });
    expect(status).toBe(SIG.TERM);
  });

  test.each([
    ['SIGCHLD', SIG.CHLD],
    ['SIGURG', SIG.URG],
    ['SIGWINCH', SIG.WINCH],
    ['SIGCONT', SIG.CONT],
  ])('%s is ignored', (_name, signo) => {
    const status = statusOf(function* () {
      yield* call(NR.kill, 2, signo);
      yield* call(NR.exit_group, 4);
    });
    expect(status).toBe(4 << 8);
  });

  test('a fault kills with its signal, even when the signal is ignored or blocked', () => {
    for (const how of ['default', 'ignored', 'blocked']) {
      const status = statusOf(function* (guest) {
        if (how === 'ignored') yield* action(guest, SIG.SEGV, SIG_IGN);
        write64(guest, DATA, bit(SIG.SEGV));
        if (how === 'blocked') yield* call(NR.rt_sigprocmask, SIG_BLOCK, DATA, 0, 8);
        yield* fault(SIG.SEGV, SEGV.MAPERR, userAddr(0));
      });
      expect(status).toBe(SIG.SEGV);
    }
  });

  test('kill of nobody fails with ESRCH, of another user’s process with EPERM, signal 65 with EINVAL', () => {
    const kernel = new FakeKernel();
    const seen: number[] = [];
    const other = kernel.spawn(() => computeUntil(() => false));
    other.creds = { ...other.creds, uid: 0, suid: 0, euid: 0 };
    kernel.spawn(function* () {
      seen.push(yield* call(NR.kill, 77, 0), yield* call(NR.kill, 2, SIG.TERM));
      seen.push(yield* call(NR.kill, 3, 65), yield* call(NR.kill, 3, 0), yield* call(NR.tgkill, 2, 3, 0));
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(seen).toEqual([-E.ESRCH, -E.EPERM, -E.EINVAL, 0, -E.ESRCH]);
  });
});

describe('handlers', () => {
  test('a handler runs before the call that sent the signal returns, and the mask is put back', () => {
    const kernel = new FakeKernel();
    const order: string[] = [];
    const task = kernel.spawn(function* (guest) {
      yield* action(guest, SIG.USR1, HANDLER, { mask: bit(SIG.USR2) });
      order.push(`sent ${yield* call(NR.kill, 2, SIG.USR1)}`);
      order.push(`mask ${task.mask.lo}`);
      yield* call(NR.exit_group, 0);
    });
    kernel.platform.place(userAddr(HANDLER), function* (guest) {
      const { signo, info, restorer } = guest.frame;
      const view = new DataView(info.buffer);
      order.push(`handler ${signo} code ${view.getInt32(8, true)} from ${view.getInt32(16, true)}`);
      order.push(`restorer ${restorer === RESTORER}`);
      order.push(`mask ${task.mask.lo === Number(bit(SIG.USR1) | bit(SIG.USR2))}`);
      yield* call(NR.getpid);
    });
    kernel.run();
    expect(order).toEqual(['handler 10 code 0 from 2', 'restorer true', 'mask true', 'sent 0', 'mask 0']);
  });

  test('a blocked signal waits, shows in rt_sigpending, and comes when it is let through', () => {
    const kernel = new FakeKernel();
    const order: string[] = [];
    kernel.spawn(function* (guest) {
      yield* action(guest, SIG.USR1, HANDLER);
      write64(guest, DATA, bit(SIG.USR1));
      yield* call(NR.rt_sigprocmask, SIG_BLOCK, DATA, 0, 8);
      yield* call(NR.kill, 2, SIG.USR1);
      yield* call(NR.kill, 2, SIG.USR1);
      yield* call(NR.rt_sigpending, DATA + 8, 8);
      order.push(`pending ${read64(guest, DATA + 8)}`);
      write64(guest, DATA, 0);
      yield* call(NR.rt_sigprocmask, SIG_SETMASK, DATA, 0, 8);
      order.push('through');
      yield* call(NR.exit_group, 0);
    });
    kernel.platform.place(userAddr(HANDLER), function* () {
      order.push('handler');
      yield* call(NR.getpid);
    });
    kernel.run();
    expect(order).toEqual([`pending ${bit(SIG.USR1)}`, 'handler', 'through']);
  });

  test('real-time signals queue in order with their values', () => {
    const kernel = new FakeKernel();
    const values: number[] = [];
    kernel.spawn(function* (guest) {
      yield* action(guest, 40, HANDLER);
      write64(guest, DATA, bit(40));
      yield* call(NR.rt_sigprocmask, SIG_BLOCK, DATA, 0, 8);
      for (const value of [1, 2, 3]) {
        guest.addressSpace.write(userAddr(DATA + 64), new Uint8Array(128));
        guest.addressSpace.write(
          userAddr(DATA + 64 + 8),
          new Uint8Array(Int32Array.of(SI.QUEUE, 0, 2, 1000, value).buffer),
        );
        yield* call(NR.rt_sigqueueinfo, 2, 40, DATA + 64);
      }
      write64(guest, DATA, 0);
      yield* call(NR.rt_sigprocmask, SIG_SETMASK, DATA, 0, 8);
      yield* call(NR.exit_group, 0);
    });
    kernel.platform.place(userAddr(HANDLER), function* (guest) {
      values.push(new DataView(guest.frame.info.buffer).getInt32(24, true));
      yield* call(NR.getpid);
    });
    kernel.run();
    expect(values).toEqual([1, 2, 3]);
  });

  test('SA_NODEFER, SA_RESETHAND and SA_ONSTACK do as sigaction(2) says', () => {
    const kernel = new FakeKernel();
    const seen: Record<string, unknown> = {};
    const task = kernel.spawn(function* (guest) {
      write64(guest, DATA + 64, DATA + 0x2000, 0, 0x2000);
      seen['altstack'] = yield* call(NR.sigaltstack, DATA + 64, 0);
      yield* action(guest, SIG.USR1, HANDLER, { flags: SA.NODEFER | SA.RESETHAND | SA.ONSTACK });
      yield* call(NR.kill, 2, SIG.USR1);
      seen['after'] = guest.getSp() === STACK_TOP;
      yield* call(NR.kill, 2, SIG.USR1);
    });
    const exit = watchExit(task);
    kernel.platform.place(userAddr(HANDLER), function* (guest) {
      seen['mask'] = task.mask.lo;
      seen['onStack'] = guest.getSp() > DATA + 0x2000 && guest.getSp() <= DATA + 0x4000;
      seen['busy'] = yield* call(NR.sigaltstack, DATA + 64, DATA + 96);
      yield* call(NR.sigaltstack, 0, DATA + 96);
      seen['flags'] = Number(read64(guest, DATA + 104));
    });
    kernel.run();
    expect(seen).toEqual({ altstack: 0, mask: 0, onStack: true, busy: -E.EPERM, flags: 1, after: true });
    expect(exit.status).toBe(SIG.USR1);
  });

  test('a handler without a stack to run on kills with SIGSEGV', () => {
    const status = statusOf(function* (guest) {
      yield* action(guest, SIG.USR1, HANDLER);
      guest.setSp(userAddr(64));
      yield* call(NR.kill, 2, SIG.USR1);
    });
    expect(status).toBe(SIG.SEGV);
  });

  test('one without SA_RESTORER too', () => {
    const status = statusOf(function* (guest) {
      write64(guest, DATA, HANDLER, 0, 0, 0);
      yield* call(NR.rt_sigaction, SIG.USR1, DATA, 0, 8);
      yield* call(NR.kill, 2, SIG.USR1);
    });
    expect(status).toBe(SIG.SEGV);
  });

  test('a handler of SIGSEGV sees where the fault was', () => {
    const kernel = new FakeKernel();
    let addr = 0n;
    const status = statusOf(
      function* (guest) {
        yield* action(guest, SIG.SEGV, HANDLER);
        yield* fault(SIG.SEGV, SEGV.ACCERR, userAddr(0x1234));
      },
      placing(kernel, function* (guest) {
        addr = new DataView(guest.frame.info.buffer).getBigUint64(16, true);
        yield* call(NR.exit_group, 6);
      }),
    );
    expect(addr).toBe(0x1234n);
    expect(status).toBe(6 << 8);
  });

  test('rt_sigaction refuses SIGKILL, signal 0 and another size of set with EINVAL', () => {
    const seen: number[] = [];
    statusOf(function* (guest) {
      seen.push(yield* action(guest, SIG.KILL, HANDLER), yield* action(guest, 0, HANDLER));
      seen.push(yield* call(NR.rt_sigaction, SIG.USR1, DATA, 0, 4));
      yield* call(NR.exit_group, 0);
    });
    expect(seen).toEqual([-E.EINVAL, -E.EINVAL, -E.EINVAL]);
  });

  function placing(kernel: FakeKernel, handler: GuestProgram): FakeKernel {
    kernel.platform.place(userAddr(HANDLER), handler);
    return kernel;
  }
});

describe('interrupted calls', () => {
  /** What `number` gives when SIGALRM comes while it waits; `flags` are the handler's. */
  function interrupted(flags: number, number: number, ...args: number[]): { result: number; count: number } {
    const kernel = new FakeKernel();
    const out = { result: 0, count: 0 };
    kernel.platform.place(userAddr(HANDLER), function* () {
      out.count++;
      yield* call(NR.getpid);
    });
    kernel.spawn(function* (guest) {
      yield* action(guest, SIG.ALRM, HANDLER, { flags });
      yield* callWithChild(() => computeUntil(() => false), NR.fork);
      write64(guest, DATA, 0, 0, 5);
      yield* call(NR.alarm, 1);
      out.result = yield* call(number, ...args);
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    kernel.advance(2 * SECOND);
    return out;
  }

  test('wait4 fails with EINTR after a handler', () => {
    expect(interrupted(0, NR.wait4, -1, 0, 0, 0)).toEqual({ result: -E.EINTR, count: 1 });
  });

  test('wait4 goes on waiting with SA_RESTART', () => {
    expect(interrupted(SA.RESTART, NR.wait4, -1, 0, 0, 0)).toEqual({ result: 0, count: 1 });
  });

  test('pause ends with EINTR, with SA_RESTART too', () => {
    expect(interrupted(SA.RESTART, NR.pause)).toEqual({ result: -E.EINTR, count: 1 });
  });

  test('a stop and SIGCONT without handlers leave a futex wait as it was', () => {
    const kernel = new FakeKernel();
    let result = 1;
    const task = kernel.spawn(function* (guest) {
      write64(guest, DATA, 3, 0);
      result = yield* call(NR.futex, DATA + 64, 0, 0, DATA, 0, 0);
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    kernel.spawn(function* () {
      yield* call(NR.kill, 2, SIG.STOP);
      yield* call(NR.pause);
    });
    kernel.run();
    expect(task.state.name).toBe('stopped');
    kernel.advance(SECOND);
    kernel.spawn(function* () {
      yield* call(NR.kill, 2, SIG.CONT);
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(task.state.name).toBe('blocked');
    kernel.advance(1.9 * SECOND);
    expect(result).toBe(1);
    kernel.advance(0.2 * SECOND);
    expect(result).toBe(-E.ETIMEDOUT);
  });

  test('rt_sigsuspend lets a blocked signal through and puts the mask back', () => {
    const kernel = new FakeKernel();
    const seen: unknown[] = [];
    kernel.platform.place(userAddr(HANDLER), function* () {
      seen.push('handler');
      yield* call(NR.getpid);
    });
    const task = kernel.spawn(function* (guest) {
      yield* action(guest, SIG.USR1, HANDLER);
      write64(guest, DATA, bit(SIG.USR1), 0);
      yield* call(NR.rt_sigprocmask, SIG_BLOCK, DATA, 0, 8);
      yield* call(NR.kill, 2, SIG.USR1);
      seen.push('sent', yield* call(NR.rt_sigsuspend, DATA + 8, 8), task.mask.lo);
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(seen).toEqual(['handler', 'sent', -E.EINTR, Number(bit(SIG.USR1))]);
  });

  test('rt_sigtimedwait takes a signal without its handler, and fails with EAGAIN when time is up', () => {
    const kernel = new FakeKernel();
    const seen: number[] = [];
    const task = kernel.spawn(function* (guest) {
      write64(guest, DATA, bit(SIG.USR1), 5, 0);
      yield* call(NR.rt_sigprocmask, SIG_BLOCK, DATA, 0, 8);
      seen.push(yield* call(NR.rt_sigtimedwait, DATA, DATA + 64, DATA + 8, 8));
      seen.push(Number(read64(guest, DATA + 64 + 16) & 0xffff_ffffn), task.mask.lo);
      seen.push(yield* call(NR.rt_sigtimedwait, DATA, 0, DATA + 8, 8));
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    kernel.spawn(function* () {
      yield* call(NR.kill, 2, SIG.USR1);
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(seen).toEqual([SIG.USR1, 3, Number(bit(SIG.USR1))]);
    kernel.advance(6 * SECOND);
    expect(seen[3]).toBe(-E.EAGAIN);
  });
});

describe('choice of thread', () => {
  test('a signal for the process goes to a thread that does not block it', () => {
    const kernel = new FakeKernel();
    const seen: number[] = [];
    kernel.platform.place(userAddr(HANDLER), function* () {
      seen.push(yield* call(NR.gettid));
    });
    kernel.spawn(function* (guest) {
      yield* action(guest, SIG.USR1, HANDLER);
      yield* callWithChild(
        function* () {
          for (;;) yield* call(NR.pause);
        },
        NR.clone,
        THREAD,
        DATA + 0x8000,
      );
      write64(guest, DATA, bit(SIG.USR1));
      yield* call(NR.rt_sigprocmask, SIG_BLOCK, DATA, 0, 8);
      yield* call(NR.kill, 2, SIG.USR1);
      yield* call(NR.pause);
    });
    kernel.run();
    expect(seen).toEqual([3]);
  });

  test('tgkill reaches that thread alone', () => {
    const kernel = new FakeKernel();
    const seen: number[] = [];
    kernel.platform.place(userAddr(HANDLER), function* () {
      seen.push(yield* call(NR.gettid));
    });
    kernel.spawn(function* (guest) {
      yield* action(guest, SIG.USR1, HANDLER);
      yield* callWithChild(() => computeUntil(() => seen.length > 0), NR.clone, THREAD, DATA + 0x8000);
      yield* call(NR.tgkill, 2, 3, SIG.USR1);
      yield* call(NR.pause);
    });
    kernel.run();
    kernel.run();
    expect(seen).toEqual([3]);
  });
});

describe('job control', () => {
  test('SIGSTOP stops every thread, SIGCONT lets them go on, and the parent hears of both', () => {
    const kernel = new FakeKernel();
    const seen: unknown[] = [];
    kernel.spawn(function* (guest) {
      const child = yield* callWithChild(function* () {
        yield* callWithChild(() => computeUntil(() => false), NR.clone, THREAD, DATA + 0x8000);
        yield* computeUntil(() => false);
      }, NR.fork);
      yield* call(NR.getpid);
      yield* call(NR.kill, child, SIG.STOP);
      seen.push(yield* call(NR.wait4, child, DATA, WUNTRACED, 0));
      seen.push(Number(read64(guest, DATA) & 0xffff_ffffn));
      yield* call(NR.kill, child, SIG.CONT);
      seen.push(yield* call(NR.wait4, child, DATA, WCONTINUED, 0));
      seen.push(Number(read64(guest, DATA) & 0xffff_ffffn));
      yield* call(NR.kill, child, SIG.KILL);
      seen.push(yield* call(NR.wait4, child, DATA, 0, 0));
      seen.push(Number(read64(guest, DATA) & 0xffff_ffffn));
      yield* call(NR.exit_group, 0);
    });
    for (let i = 0; i < 5; i++) kernel.run();
    expect(seen).toEqual([3, stoppedStatus(SIG.STOP), 3, 0xffff, 3, SIG.KILL]);
    expect(kernel.tasks.size).toBe(0);
  });

  test('terminal stops are ignored in an orphaned process group', () => {
    const status = statusOf(function* () {
      yield* call(NR.kill, 2, SIG.TSTP);
      yield* call(NR.exit_group, 3);
    });
    expect(status).toBe(3 << 8);
  });
});

describe('timers', () => {
  test('alarm sends SIGALRM and tells what was left; 0 takes it back', () => {
    const kernel = new FakeKernel();
    const seen: number[] = [];
    const task = kernel.spawn(function* () {
      seen.push(yield* call(NR.alarm, 10), yield* call(NR.alarm, 3), yield* call(NR.alarm, 0));
      seen.push(kernel.armedTimers);
      yield* call(NR.alarm, 2);
      yield* call(NR.pause);
    });
    const exit = watchExit(task);
    kernel.run();
    expect(seen).toEqual([0, 10, 3, 0]);
    kernel.advance(3 * SECOND);
    expect(exit.status).toBe(SIG.ALRM);
    expect(kernel.armedTimers).toBe(0);
  });

  test('setitimer repeats', () => {
    const kernel = new FakeKernel();
    let count = 0;
    kernel.platform.place(userAddr(HANDLER), function* () {
      count++;
      yield* call(NR.getpid);
    });
    kernel.spawn(function* (guest) {
      yield* action(guest, SIG.ALRM, HANDLER);
      write64(guest, DATA, 0, 500_000, 1, 0);
      yield* call(NR.setitimer, 0, DATA, 0);
      for (;;) yield* call(NR.pause);
    });
    kernel.run();
    kernel.advance(3.1 * SECOND);
    expect(count).toBe(5);
  });
});
