/** Process 1 of a kernel that is made in steps: pid_namespaces(7), "The namespace init process". */
import { describe, expect, test } from '@jest/globals';
import { CLONE } from '../../../../src/abi/clone.js';
import { E } from '../../../../src/abi/errno.js';
import { NR } from '../../../../src/abi/numbers.js';
import { SA, SIG } from '../../../../src/abi/signal.js';
import { userAddr } from '../../../../src/base/brand.js';
import { EMPTY_MASK } from '../../../../src/kernel/signal/mask.js';
import { forceSignal, sendToGroup } from '../../../../src/kernel/signal/send.js';
import { kernelSignal, userSignal } from '../../../../src/kernel/signal/siginfo.js';
import {
  call,
  callWithChild,
  computeUntil,
  type GuestProgram,
} from '../../../../src/platform/fake/guest-program.js';
import { FakeKernel, watchExit } from '../../../support/fake-kernel.js';

const forever: GuestProgram = () => computeUntil(() => false);

/** Its first process is 2 here, and is taken for process 1. */
function withInit(program: GuestProgram) {
  const kernel = new FakeKernel();
  const init = kernel.spawn(program);
  init.group.unkillable = true;
  kernel.tasks.init = init.group;
  const exit = watchExit(init);
  kernel.settle();
  return { kernel, init, exit };
}

describe('signals that it does not handle', () => {
  test.each([SIG.TERM, SIG.KILL, SIG.STOP, SIG.INT, SIG.SEGV])('%i from inside passes it by', (signo) => {
    const { kernel, init, exit } = withInit(forever);
    sendToGroup(init.group, userSignal(signo, 7, 0));
    kernel.run();
    expect(init.state.name).toBe('guest');
    expect(exit.status).toBe(undefined);
    expect(init.group.pending.empty).toBe(true);
  });

  test('SIGTERM from outside passes it by too; SIGKILL and SIGSTOP do what they do', () => {
    const { kernel, init, exit } = withInit(forever);
    sendToGroup(init.group, userSignal(SIG.TERM, 0, 0));
    kernel.run();
    expect(exit.status).toBe(undefined);
    sendToGroup(init.group, userSignal(SIG.STOP, 0, 0));
    kernel.run();
    expect(init.state.name).toBe('stopped');
    sendToGroup(init.group, kernelSignal(SIG.KILL));
    kernel.run();
    expect(exit.status).toBe(SIG.KILL);
  });

  test('one that was blocked when it came is dropped when it is let through', () => {
    const { kernel, init } = withInit(forever);
    init.mask = { lo: 1 << (SIG.TERM - 1), hi: 0 };
    sendToGroup(init.group, userSignal(SIG.TERM, 7, 0));
    expect(init.group.pending.empty).toBe(false);
    init.mask = EMPTY_MASK;
    sendToGroup(init.group, userSignal(SIG.CONT, 7, 0));
    init.attention = true;
    init.context.interrupt();
    kernel.run();
    expect(init.state.name).toBe('guest');
    expect(init.group.pending.empty).toBe(true);
  });

  test('what it handles it gets', () => {
    const { init } = withInit(forever);
    init.group.actions.set(SIG.TERM, {
      handler: 0x1234,
      flags: SA.RESTORER,
      restorer: userAddr(0x4321),
      mask: EMPTY_MASK,
    });
    sendToGroup(init.group, userSignal(SIG.TERM, 7, 0));
    expect(init.group.pending.empty).toBe(false);
  });

  test('a fault ends it', () => {
    const { kernel, init, exit } = withInit(forever);
    const addr = userAddr(0);
    forceSignal(init, { signo: SIG.SEGV, code: 1, kind: 'fault', addr, error: 4, trapno: 14 });
    kernel.run();
    expect(exit.status).toBe(SIG.SEGV);
  });
});

test('orphans become its children, and it may wait for them', () => {
  let waited = 0;
  const { kernel, init } = withInit(function* () {
    yield* callWithChild(function* () {
      yield* callWithChild(function* () {
        yield* call(NR.getpid);
        yield* call(NR.exit_group, 3);
      }, NR.fork);
      yield* call(NR.exit_group, 0);
    }, NR.fork);
    for (let n = 0; n < 2; n++) if ((yield* call(NR.wait4, -1, 0, 0, 0)) > 0) waited++;
    yield* computeUntil(() => false);
  });
  kernel.run();
  expect(waited).toBe(2);
  expect([...init.group.children]).toEqual([]);
});

test('kill(-1) spares it, CLONE_PARENT by it is EINVAL', () => {
  const results: number[] = [];
  const { kernel, exit } = withInit(function* () {
    results.push(yield* call(NR.clone, CLONE.PARENT | SIG.CHLD, 0, 0, 0, 0));
    yield* computeUntil(() => false);
  });
  kernel.spawn(function* () {
    results.push(yield* call(NR.kill, -1, SIG.KILL));
    yield* call(NR.exit_group, 0);
  });
  kernel.run();
  expect(results).toEqual([-E.EINVAL, 0]);
  expect(exit.status).toBe(undefined);
});

test('its end is the end of all, and there are no more tasks', () => {
  const { kernel, init } = withInit(forever);
  const others = [0, 1].map(() => watchExit(kernel.spawn(forever)));
  kernel.run();
  sendToGroup(init.group, kernelSignal(SIG.KILL));
  kernel.run();
  expect(others.map((o) => o.status)).toEqual([SIG.KILL, SIG.KILL]);
  expect(kernel.tasks.allocateTid()).toMatchObject({ errno: E.ENOMEM });
  let empty = false;
  kernel.tasks.whenEmpty(() => {
    empty = true;
  });
  expect(empty).toBe(true);
});
