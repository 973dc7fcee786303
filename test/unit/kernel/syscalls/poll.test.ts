import { describe, expect, test } from '@jest/globals';
import { E } from '../../../../src/abi/errno.js';
import { NR } from '../../../../src/abi/numbers.js';
import { POLLIN, POLLNVAL, POLLOUT } from '../../../../src/abi/poll.js';
import { SA, SIG, SIG_BLOCK } from '../../../../src/abi/signal.js';
import { userAddr } from '../../../../src/base/brand.js';
import { epollCalls } from '../../../../src/kernel/syscalls/epoll.js';
import { pipeCalls } from '../../../../src/kernel/syscalls/pipe.js';
import { pollCalls } from '../../../../src/kernel/syscalls/poll.js';
import { readCalls } from '../../../../src/kernel/syscalls/read.js';
import type { FakeContext } from '../../../../src/platform/fake/fake-context.js';
import {
  call,
  callWithChild,
  type GuestProgram,
  type GuestStep,
} from '../../../../src/platform/fake/guest-program.js';
import { DATA, FakeKernel, watchExit } from '../../../support/fake-kernel.js';

const HANDLER = 0x3_0000;
const RESTORER = 0x3_1000;
const MS = 1_000_000;
/** Places in guest memory. */
const PIPE = DATA + 0x100;
const FDS = DATA + 0x200;
const TIME = DATA + 0x300;
const MASK = DATA + 0x400;
const EVENTS = DATA + 0x500;

function kernelWithPoll(): FakeKernel {
  const kernel = new FakeKernel();
  for (const d of [...pollCalls, ...pipeCalls, ...epollCalls, ...readCalls]) kernel.declare(d);
  return kernel;
}

const put = (guest: FakeContext, at: number, bytes: ArrayBufferLike): unknown =>
  guest.addressSpace.write(userAddr(at), new Uint8Array(bytes));
const put64 = (guest: FakeContext, at: number, ...words: number[]): unknown =>
  put(guest, at, BigUint64Array.from(words.map(BigInt)).buffer);

function get(guest: FakeContext, at: number, length: number): DataView {
  const bytes = new Uint8Array(length);
  guest.addressSpace.read(userAddr(at), bytes);
  return new DataView(bytes.buffer);
}

function* newPipe(guest: FakeContext): Generator<GuestStep, [number, number], number> {
  yield* call(NR.pipe, PIPE);
  const fds = get(guest, PIPE, 8);
  return [fds.getInt32(0, true), fds.getInt32(4, true)];
}

function putPollfds(guest: FakeContext, ...entries: [fd: number, events: number][]): void {
  const words = entries.flat();
  put(guest, FDS, Int32Array.from(words).buffer);
}
const revents = (guest: FakeContext, i: number): number => get(guest, FDS + 8 * i, 8).getInt16(6, true);

/** Runs programs side by side; whatever they recorded when nothing happens any more, or time is up. */
function run(kernel: FakeKernel, program: GuestProgram, advanceNs = 0): void {
  const exit = watchExit(kernel.spawn(program));
  kernel.run();
  if (advanceNs > 0) kernel.advance(advanceNs);
  expect(exit.status).toBe(0);
}

function* onSignal(guest: FakeContext, flags: number): Generator<GuestStep, void, number> {
  put64(guest, DATA, HANDLER, (SA.RESTORER | flags) >>> 0, RESTORER, 0);
  yield* call(NR.rt_sigaction, SIG.USR1, DATA, 0, 8);
}

describe('poll', () => {
  test('reports what holds now, POLLNVAL for what is not open, and skips negative descriptors', () => {
    const kernel = kernelWithPoll();
    run(kernel, function* (guest) {
      const [r, w] = yield* newPipe(guest);
      putPollfds(guest, [r, POLLIN], [w, POLLOUT], [-1, POLLIN], [99, POLLIN]);
      expect(yield* call(NR.poll, FDS, 4, -1)).toBe(2);
      expect([0, 1, 2, 3].map((i) => revents(guest, i))).toEqual([0, POLLOUT, 0, POLLNVAL]);
      yield* call(NR.exit_group, 0);
    });
  });

  test('waits until another process writes', () => {
    const kernel = kernelWithPoll();
    run(kernel, function* (guest) {
      const [r, w] = yield* newPipe(guest);
      putPollfds(guest, [r, POLLIN]);
      yield* callWithChild(function* () {
        yield* call(NR.write, w, DATA, 1);
        yield* call(NR.exit_group, 0);
      }, NR.fork);
      expect(yield* call(NR.poll, FDS, 1, -1)).toBe(1);
      expect(revents(guest, 0)).toBe(POLLIN);
      yield* call(NR.exit_group, 0);
    });
  });

  test('gives up when its time is over, not before', () => {
    const kernel = kernelWithPoll();
    let at = 0;
    const start = kernel.nowNs;
    run(
      kernel,
      function* (guest) {
        const [r] = yield* newPipe(guest);
        putPollfds(guest, [r, POLLIN]);
        expect(yield* call(NR.poll, FDS, 1, 30)).toBe(0);
        at = kernel.nowNs;
        yield* call(NR.exit_group, 0);
      },
      1000 * MS,
    );
    expect(at - start).toBe(30 * MS);
  });

  test('a handler ends it with EINTR even with SA_RESTART', () => {
    const kernel = kernelWithPoll();
    let result = 0;
    const task = kernel.spawn(function* (guest) {
      yield* onSignal(guest, SA.RESTART);
      kernel.platform.place(userAddr(HANDLER), function* () {
        yield* call(NR.rt_sigreturn);
      });
      result = yield* call(NR.poll, 0, 0, -1);
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    kernel.spawn(function* () {
      yield* call(NR.kill, task.tid, SIG.USR1);
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(result).toBe(-E.EINTR);
  });
});

describe('select', () => {
  test('leaves only what is ready in the sets, and what is left of the time', () => {
    const kernel = kernelWithPoll();
    run(kernel, function* (guest) {
      const [r, w] = yield* newPipe(guest);
      put64(guest, FDS, 1 << r, 1 << w);
      put64(guest, TIME, 10, 0);
      expect(yield* call(NR.select, w + 1, FDS, FDS + 8, 0, TIME)).toBe(1);
      expect([0, 8].map((o) => get(guest, FDS + o, 8).getUint32(0, true))).toEqual([0, 1 << w]);
      expect(Number(get(guest, TIME, 8).getBigUint64(0, true))).toBe(10);
      put64(guest, FDS, 1 << 40);
      expect(yield* call(NR.select, 41, FDS, 0, 0, TIME)).toBe(-E.EBADF);
      yield* call(NR.exit_group, 0);
    });
  });
});

describe('temporary masks', () => {
  test('ppoll lets a pending signal in before it looks at the time, and puts the mask back', () => {
    const kernel = kernelWithPoll();
    let handled = 0;
    run(kernel, function* (guest) {
      yield* onSignal(guest, 0);
      kernel.platform.place(userAddr(HANDLER), function* () {
        handled++;
        yield* call(NR.rt_sigreturn);
      });
      put64(guest, MASK, 1 << (SIG.USR1 - 1), 0);
      yield* call(NR.rt_sigprocmask, SIG_BLOCK, MASK, 0, 8);
      yield* call(NR.kill, yield* call(NR.getpid), SIG.USR1);
      put64(guest, TIME, 0, 0);
      expect(yield* call(NR.ppoll, 0, 0, TIME, 0, 8)).toBe(0);
      expect(handled).toBe(0);
      put64(guest, MASK + 8, 0);
      expect(yield* call(NR.ppoll, 0, 0, TIME, MASK + 8, 8)).toBe(-E.EINTR);
      expect(handled).toBe(1);
      yield* call(NR.rt_sigprocmask, SIG_BLOCK, 0, MASK + 16, 8);
      expect(get(guest, MASK + 16, 8).getUint32(0, true)).toBe(1 << (SIG.USR1 - 1));
      expect(yield* call(NR.ppoll, 0, 0, TIME, MASK + 8, 4)).toBe(-E.EINVAL);
      yield* call(NR.exit_group, 0);
    });
  });
});

describe('epoll_wait', () => {
  test('gives the events packed, with the caller’s data, and waits its time', () => {
    const kernel = kernelWithPoll();
    run(
      kernel,
      function* (guest) {
        const ep = yield* call(NR.epoll_create1, 0);
        const [r, w] = yield* newPipe(guest);
        put(guest, EVENTS, Uint32Array.of(POLLIN, 0xdeadbeef, 0x12345678).buffer);
        expect(yield* call(NR.epoll_ctl, ep, 1, r, EVENTS)).toBe(0);
        expect(yield* call(NR.epoll_wait, ep, EVENTS, 8, 20)).toBe(0);
        yield* call(NR.write, w, DATA, 1);
        put(guest, EVENTS, new Uint32Array(6).buffer);
        expect(yield* call(NR.epoll_wait, ep, EVENTS, 8, -1)).toBe(1);
        const view = get(guest, EVENTS, 24);
        expect([0, 4, 8, 12].map((o) => view.getUint32(o, true))).toEqual([
          POLLIN,
          0xdeadbeef,
          0x12345678,
          0,
        ]);
        expect(yield* call(NR.epoll_wait, ep, EVENTS, 0, 0)).toBe(-E.EINVAL);
        yield* call(NR.exit_group, 0);
      },
      100 * MS,
    );
  });
});
