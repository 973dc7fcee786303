import { describe, expect, test } from '@jest/globals';
import { CLONE } from '../../../../src/abi/clone.js';
import { E } from '../../../../src/abi/errno.js';
import { MAP_ANONYMOUS, MAP_PRIVATE } from '../../../../src/abi/mman.js';
import { NR } from '../../../../src/abi/numbers.js';
import { SIG } from '../../../../src/abi/signal.js';
import { WNOHANG, WNOWAIT } from '../../../../src/abi/wait.js';
import { userAddr } from '../../../../src/base/brand.js';
import { COST, kernelMemory, UNASKED } from '../../../../src/kernel/kernel-memory.js';
import { Failure } from '../../../../src/kernel/outcome.js';
import { sendToGroup } from '../../../../src/kernel/signal/send.js';
import { kernelSignal } from '../../../../src/kernel/signal/siginfo.js';
import { memoryCaller } from '../../../../src/kernel/syscalls/mmap.js';
import { beginStop, endStop, hold, letGo, pauseAll, unpauseAll } from '../../../../src/kernel/task/stop.js';
import type { Task } from '../../../../src/kernel/task/task.js';
import type { FakeContext } from '../../../../src/platform/fake/fake-context.js';
import {
  call,
  callWithChild,
  computeUntil,
  type GuestProgram,
} from '../../../../src/platform/fake/guest-program.js';
import { DATA, FakeKernel, watchExit } from '../../../support/fake-kernel.js';

const exitWith = (code: number): GuestProgram =>
  function* () {
    yield* call(NR.exit_group, code);
  };

function readWord(guest: FakeContext, addr: number): number {
  const bytes = new Uint8Array(4);
  guest.addressSpace.read(userAddr(addr), bytes);
  return new DataView(bytes.buffer).getInt32(0, true);
}

function writeWord(guest: FakeContext, addr: number, value: number): void {
  guest.addressSpace.write(userAddr(addr), new Uint8Array(Int32Array.of(value).buffer));
}

const THREAD = CLONE.VM | CLONE.FS | CLONE.FILES | CLONE.SIGHAND | CLONE.THREAD;

describe('processes', () => {
  test('the first process has pid 2, is its own leader, and its parent is outside', () => {
    const kernel = new FakeKernel();
    const seen: number[] = [];
    kernel.spawn(function* () {
      seen.push(yield* call(NR.getpid), yield* call(NR.gettid), yield* call(NR.getppid));
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(seen).toEqual([2, 2, 0]);
  });

  test('a process that ends is gone, with its address space', () => {
    const kernel = new FakeKernel();
    const task = kernel.spawn(exitWith(7));
    const exit = watchExit(task);
    kernel.run();
    expect(exit.status).toBe(7 << 8);
    expect(kernel.tasks.size).toBe(0);
    expect(kernel.platform.spaces.every((s) => s.released)).toBe(true);
  });

  test('fork gives 0 to the child and its number to the parent; wait4 tells of its end', () => {
    const kernel = new FakeKernel();
    const seen: Record<string, number> = {};
    kernel.spawn(function* (guest) {
      writeWord(guest, DATA + 8, 41);
      seen['child'] = yield* callWithChild(function* (own) {
        seen['inChild'] = readWord(own, DATA + 8);
        writeWord(own, DATA + 8, 99);
        seen['ppid'] = yield* call(NR.getppid);
        yield* call(NR.exit_group, 3);
      }, NR.fork);
      seen['waited'] = yield* call(NR.wait4, -1, DATA, 0, 0);
      seen['status'] = readWord(guest, DATA);
      seen['own'] = readWord(guest, DATA + 8);
      seen['none'] = yield* call(NR.wait4, -1, DATA, 0, 0);
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(seen).toEqual({
      child: 3,
      inChild: 41,
      ppid: 2,
      waited: 3,
      status: 3 << 8,
      own: 41,
      none: -E.ECHILD,
    });
    expect(kernel.tasks.size).toBe(0);
  });

  test('wait4 with WNOHANG answers 0 while the child lives; WNOWAIT of waitid leaves the zombie', () => {
    const kernel = new FakeKernel();
    const seen: number[] = [];
    let go = false;
    kernel.spawn(function* (guest) {
      const child = yield* callWithChild(function* () {
        yield* computeUntil(() => go);
        yield* call(NR.exit_group, 1);
      }, NR.fork);
      seen.push(yield* call(NR.wait4, child, 0, WNOHANG, 0));
      go = true;
      seen.push(yield* call(NR.waitid, 1, child, DATA, 4 | WNOWAIT, 0));
      seen.push(readWord(guest, DATA), readWord(guest, DATA + 16), readWord(guest, DATA + 24));
      seen.push(yield* call(NR.wait4, child, 0, 0, 0));
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(seen).toEqual([0, 0, SIG.CHLD, 3, 1, 3]);
  });

  test('wait4 with bad options fails with EINVAL; for a stranger with ECHILD', () => {
    const kernel = new FakeKernel();
    const seen: number[] = [];
    kernel.spawn(function* () {
      seen.push(yield* call(NR.wait4, -1, 0, 0x100, 0), yield* call(NR.wait4, 77, 0, 0, 0));
      seen.push(yield* call(NR.waitid, 0, 0, 0, 0, 0), yield* call(NR.waitid, 1, 0, 0, 4, 0));
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(seen).toEqual([-E.EINVAL, -E.ECHILD, -E.EINVAL, -E.EINVAL]);
  });

  test('an orphan goes to process 1, and is reaped there', () => {
    const kernel = new FakeKernel();
    const seen: number[] = [];
    let parentGone = false;
    const parent = kernel.spawn(function* () {
      yield* callWithChild(function* () {
        yield* computeUntil(() => parentGone);
        seen.push(yield* call(NR.getppid));
        yield* call(NR.exit_group, 0);
      }, NR.fork);
      yield* call(NR.exit_group, 0);
    });
    parent.group.onExit.push(() => {
      parentGone = true;
    });
    for (let i = 0; i < 5; i++) kernel.run();
    expect(seen).toEqual([1]);
    expect(kernel.tasks.size).toBe(0);
  });

  test('a subreaper gets the orphans of its descendants', () => {
    const kernel = new FakeKernel();
    const seen: number[] = [];
    const top = kernel.spawn(function* () {
      yield* callWithChild(function* () {
        yield* callWithChild(exitWith(9), NR.fork);
        yield* call(NR.exit_group, 0);
      }, NR.fork);
      seen.push(yield* call(NR.wait4, -1, DATA, 0, 0), yield* call(NR.wait4, -1, DATA, 0, 0));
      yield* call(NR.exit_group, 0);
    });
    top.group.isSubreaper = true;
    kernel.run();
    expect(seen.sort()).toEqual([3, 4]);
  });

  test('children of a parent that ignores SIGCHLD leave no zombies: wait4 fails with ECHILD', () => {
    const kernel = new FakeKernel();
    const seen: number[] = [];
    kernel.spawn(function* (guest) {
      guest.addressSpace.write(userAddr(DATA), new Uint8Array(new BigUint64Array([1n, 0n, 0n, 0n]).buffer));
      yield* call(NR.rt_sigaction, SIG.CHLD, DATA, 0, 8);
      yield* callWithChild(exitWith(1), NR.fork);
      seen.push(yield* call(NR.wait4, -1, DATA, 0, 0));
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(seen).toEqual([-E.ECHILD]);
  });

  test('vfork holds the parent until the child has ended', () => {
    const kernel = new FakeKernel();
    const order: string[] = [];
    kernel.spawn(function* (guest) {
      yield* callWithChild(function* (own) {
        order.push('child');
        writeWord(own, DATA, 5);
        yield* call(NR.getpid);
        order.push('child ends');
        yield* call(NR.exit_group, 0);
      }, NR.vfork);
      order.push(`parent ${readWord(guest, DATA)}`);
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(order).toEqual(['child', 'child ends', 'parent 5']);
    expect(kernel.platform.spaces.every((s) => s.released)).toBe(true);
  });

  test('SIGKILL ends a vfork parent that waits', () => {
    const kernel = new FakeKernel();
    const parent = kernel.spawn(function* () {
      yield* callWithChild(function* () {
        yield* call(NR.kill, 2, SIG.KILL);
        yield* computeUntil(() => false);
      }, NR.vfork);
      yield* call(NR.exit_group, 0);
    });
    const exit = watchExit(parent);
    kernel.run();
    expect(exit.status).toBe(SIG.KILL);
  });

  test('too many tasks: fork fails with EAGAIN', () => {
    const kernel = new FakeKernel({ maxTasks: 1 });
    const seen: number[] = [];
    kernel.spawn(function* () {
      seen.push(yield* callWithChild(exitWith(0), NR.fork));
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(seen).toEqual([-E.EAGAIN]);
  });

  test('no kernel memory for one more copy of the mappings: fork fails with ENOMEM until a child is gone', () => {
    const kernel = new FakeKernel({ kernelMemoryBytes: UNASKED + 40_000 });
    kernelMemory.of(kernel.services).take(UNASKED);
    const results: number[] = [];
    const sleeper: GuestProgram = function* () {
      yield* call(NR.pause);
    };
    const task = kernel.spawn(function* () {
      let child = 0;
      for (let last = 0; child >= 0; last = child) {
        child = yield* callWithChild(sleeper, NR.fork);
        results.push(child);
        if (child < 0) yield* call(NR.kill, last, SIG.KILL);
      }
      yield* call(NR.wait4, -1, 0, 0, 0);
      results.push(yield* callWithChild(sleeper, NR.fork));
      yield* call(NR.kill, 0, SIG.KILL);
    });
    // Neighbours differ, so that they do not merge.
    const map = (prot: number) =>
      task.mm.mmap({ addr: 0, length: 4096, prot, flags: MAP_PRIVATE | MAP_ANONYMOUS }, memoryCaller(task));
    for (let n = 0; n < 100; n++) expect(map(1 + (n % 2))).toBeGreaterThan(0);
    kernel.run();
    expect(results).toEqual([3, 4, -E.ENOMEM, 5]);
    expect(kernel.tasks.size).toBe(0);
    expect(kernelMemory.of(kernel.services).used).toBe(UNASKED);
  });

  test('no kernel memory for one more mapping: mmap fails with ENOMEM', () => {
    const kernel = new FakeKernel({ kernelMemoryBytes: UNASKED + 40_000 });
    kernelMemory.of(kernel.services).take(UNASKED);
    const task = kernel.spawn(exitWith(0));
    const request = { addr: 0, length: 4096, flags: MAP_PRIVATE | MAP_ANONYMOUS };
    let made = 0;
    while (typeof task.mm.mmap({ ...request, prot: 1 + (made % 2) }, memoryCaller(task)) === 'number') made++;
    expect(made).toBeGreaterThan(300);
    expect(task.mm.mmap({ ...request, prot: 1 }, memoryCaller(task))).toEqual(new Failure(E.ENOMEM));
    expect(task.mm.vmas.size * COST.mapping).toBeLessThanOrEqual(40_000);
  });

  test('clone refuses impossible combinations of flags with EINVAL, namespaces with EPERM', () => {
    const kernel = new FakeKernel();
    const seen: number[] = [];
    kernel.spawn(function* () {
      for (const flags of [CLONE.THREAD, CLONE.SIGHAND, CLONE.FS | CLONE.NEWNS, CLONE.NEWPID]) {
        seen.push(yield* callWithChild(exitWith(0), NR.clone, flags));
      }
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(seen).toEqual([-E.EINVAL, -E.EINVAL, -E.EINVAL, -E.EPERM]);
  });
});

describe('threads', () => {
  test('a thread has a number of its own, the process number of its group, and clears its tid at exit', () => {
    const kernel = new FakeKernel();
    const seen: Record<string, number> = {};
    kernel.spawn(function* (guest) {
      const flags = THREAD | CLONE.PARENT_SETTID | CLONE.CHILD_CLEARTID | CLONE.SETTLS;
      seen['tid'] = yield* callWithChild(
        function* (own) {
          seen['own'] = yield* call(NR.gettid);
          seen['pid'] = yield* call(NR.getpid);
          seen['tls'] = own.getThreadPointer();
          yield* call(NR.exit, 0);
        },
        NR.clone,
        flags,
        DATA + 0x8000,
        DATA,
        DATA,
        0x7000,
      );
      seen['stored'] = readWord(guest, DATA);
      // FUTEX_WAIT until the kernel clears the word: what pthread_join does.
      const joined = yield* call(NR.futex, DATA, 0, seen['tid'], 0, 0, 0);
      seen['joined'] = joined === -E.EAGAIN ? 0 : joined;
      seen['cleared'] = readWord(guest, DATA);
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(seen).toEqual({ tid: 3, own: 3, pid: 2, tls: 0x7000, stored: 3, joined: 0, cleared: 0 });
    expect(kernel.tasks.size).toBe(0);
  });

  test('exit_group ends threads that compute and threads that are blocked, with its status', () => {
    const kernel = new FakeKernel();
    const task = kernel.spawn(function* () {
      yield* callWithChild(() => computeUntil(() => false), NR.clone, THREAD, DATA + 0x4000);
      yield* callWithChild(
        function* () {
          yield* call(NR.pause);
        },
        NR.clone,
        THREAD,
        DATA + 0x8000,
      );
      yield* call(NR.getpid);
      yield* call(NR.exit_group, 5);
    });
    const exit = watchExit(task);
    kernel.run();
    expect(exit.status).toBe(5 << 8);
    expect(kernel.tasks.size).toBe(0);
  });

  test('the process lives on when its leader exits; its status is the leader’s', () => {
    const kernel = new FakeKernel();
    let leaderGone = false;
    const task = kernel.spawn(function* () {
      yield* callWithChild(
        function* () {
          yield* computeUntil(() => leaderGone);
          yield* call(NR.exit, 2);
        },
        NR.clone,
        THREAD,
        DATA + 0x4000,
      );
      yield* call(NR.exit, 1);
    });
    const exit = watchExit(task);
    kernel.run();
    expect(exit.status).toBeUndefined();
    expect(kernel.tasks.byPid(2)?.tasks.size).toBe(1);
    leaderGone = true;
    kernel.run();
    expect(exit.status).toBe(1 << 8);
  });

  test('a stub that dies ends every task in it as by SIGKILL', () => {
    const kernel = new FakeKernel();
    const task = kernel.spawn(function* () {
      yield* callWithChild(() => computeUntil(() => false), NR.clone, THREAD, DATA + 0x4000);
      yield* call(NR.pause);
    });
    const exit = watchExit(task);
    kernel.run();
    const [space] = kernel.platform.spaces;
    if (space) kernel.platform.die(space, 'test');
    expect(exit.status).toBe(SIG.KILL);
    expect(kernel.events.some((e) => e.type === 'guestBroken')).toBe(true);
  });

  test('a bug in a handler ends the guest, not the kernel', () => {
    const kernel = new FakeKernel();
    const other = kernel.spawn(exitWith(0));
    const victim = kernel.spawn(function* () {
      yield* call(9999);
    });
    kernel.declare({
      number: 9999,
      name: 'bug',
      args: [],
      classes: [],
      support: 'full',
      note: '',
      returns: 'number',
      handler: () => {
        throw new TypeError('oops');
      },
    });
    const exits = [watchExit(victim), watchExit(other)];
    kernel.run();
    expect(exits.map((e) => e.status)).toEqual([SIG.KILL, 0]);
  });
});

describe('external stops', () => {
  test('a computing guest comes to rest, does nothing meanwhile, and goes on', () => {
    const kernel = new FakeKernel();
    let steps = 0;
    const task = kernel.spawn(function* () {
      for (;;) {
        yield* computeUntil(() => ++steps % 3 === 0);
        yield* call(NR.getpid);
      }
    });
    kernel.settle();
    for (let i = 0; i < 10; i++) kernel.platform.poll();
    let rested = 0;
    beginStop([task], () => rested++);
    expect(rested).toBe(0);
    for (let i = 0; i < 10; i++) kernel.platform.poll();
    expect(rested).toBe(1);
    const before = steps;
    for (let i = 0; i < 10; i++) kernel.platform.poll();
    expect(steps).toBe(before);
    endStop([task]);
    kernel.settle();
    for (let i = 0; i < 10; i++) kernel.platform.poll();
    expect(steps).toBeGreaterThan(before);
  });

  test('two stops need two ends', () => {
    const kernel = new FakeKernel();
    const task = kernel.spawn(() => computeUntil(() => false));
    kernel.run();
    beginStop([task], () => {});
    beginStop([task], () => {});
    kernel.run();
    endStop([task]);
    kernel.run();
    expect(task.state.name).toBe('stopped');
    endStop([task]);
    kernel.run();
    expect(task.state.name).toBe('guest');
  });

  test('a blocked task is at rest at once, and keeps its wake-up for later', () => {
    const kernel = new FakeKernel();
    let woken = false;
    const task = kernel.spawn(function* (guest) {
      guest.addressSpace.write(userAddr(DATA), new Uint8Array(new BigUint64Array([1n, 0n]).buffer));
      yield* call(NR.futex, DATA + 64, 0, 0, DATA, 0, 0);
      woken = true;
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    let rested = 0;
    beginStop([task], () => rested++);
    expect(rested).toBe(1);
    kernel.advance(2_000_000_000);
    expect(woken).toBe(false);
    endStop([task]);
    kernel.run();
    expect(woken).toBe(true);
  });

  test('SIGKILL ends a stopped task', () => {
    const kernel = new FakeKernel();
    const task = kernel.spawn(() => computeUntil(() => false));
    const exit = watchExit(task);
    kernel.run();
    beginStop([task], () => {});
    kernel.run();
    kernel.spawn(function* () {
      yield* call(NR.kill, 2, SIG.KILL);
      yield* call(NR.exit_group, 0);
    });
    kernel.run();
    expect(exit.status).toBe(SIG.KILL);
  });

  test('a pause stops tasks that are made during it, and nests', () => {
    const kernel = new FakeKernel();
    kernel.spawn(() => computeUntil(() => false));
    kernel.run();
    let rested = 0;
    pauseAll(kernel.tasks, () => rested++);
    kernel.run();
    pauseAll(kernel.tasks, () => rested++);
    expect(rested).toBe(2);
    const late = kernel.spawn(() => computeUntil(() => false));
    kernel.run();
    expect(unpauseAll(kernel.tasks)).toBe(true);
    kernel.run();
    expect(late.state.name).toBe('stopped');
    expect(unpauseAll(kernel.tasks)).toBe(true);
    kernel.run();
    expect([...kernel.tasks.all()].map((t) => t.state.name)).toEqual(['guest', 'guest']);
    expect(unpauseAll(kernel.tasks)).toBe(false);
  });

  test('a pause that is ended before all have stopped is never said to be complete', () => {
    const kernel = new FakeKernel();
    kernel.spawn(() => computeUntil(() => false));
    kernel.settle();
    let rested = 0;
    pauseAll(kernel.tasks, () => rested++);
    unpauseAll(kernel.tasks);
    kernel.run();
    pauseAll(kernel.tasks, () => {});
    kernel.run();
    expect(rested).toBe(0);
  });

  test('a held process does not run before letGo, whatever is sent to it; SIGKILL ends it', () => {
    const kernel = new FakeKernel();
    const [task, victim] = [0, 1].map(() => kernel.spawn(() => computeUntil(() => false))) as [Task, Task];
    hold(task);
    hold(victim);
    sendToGroup(task.group, kernelSignal(SIG.CONT));
    pauseAll(kernel.tasks, () => {});
    kernel.run();
    unpauseAll(kernel.tasks);
    kernel.run();
    expect(task.state.name).toBe('stopped');
    letGo(task);
    letGo(task);
    kernel.run();
    expect(task.state.name).toBe('guest');
    sendToGroup(victim.group, kernelSignal(SIG.KILL));
    kernel.run();
    expect(victim.state.name).toBe('dead');
  });
});
