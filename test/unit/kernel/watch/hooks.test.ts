/** Hooks of the embedder: what they may say, and what becomes of a guest when they are wrong. */
import { describe, expect, test } from '@jest/globals';
import { E } from '../../../../src/abi/errno.js';
import { NR } from '../../../../src/abi/numbers.js';
import { SIG } from '../../../../src/abi/signal.js';
import { ENTER_EXIT_GROUP, Failure } from '../../../../src/kernel/outcome.js';
import { dispatch } from '../../../../src/kernel/syscalls/dispatch.js';
import type { SyscallArgs, SyscallCall, SyscallHooks } from '../../../../src/kernel/watch/hook-types.js';
import { Hooks } from '../../../../src/kernel/watch/hooks.js';
import { HookError } from '../../../../src/kernel/watch/interceptor.js';
import { FakeCall, MEMORY_START } from '../../support/fake-call.js';

const hooks = (module: SyscallHooks): Hooks => new Hooks('file:///hooks.js', { ...module });
const callWith = (sysno: number, args: readonly number[], ...modules: SyscallHooks[]): FakeCall =>
  new FakeCall(sysno, args, { interceptors: modules.map(hooks), wants: ['syscall', 'hookError'] });

describe('before()', () => {
  test('sees the call with its arguments by name, and lets it go on by saying nothing', () => {
    const seen: SyscallCall[] = [];
    const call = callWith(NR.getpgid, [0], { before: (c) => void seen.push(c) });
    expect(dispatch(call.task)).toBe(3);
    expect(seen).toMatchObject([{ name: 'getpgid', sysno: NR.getpgid, pid: 10, tid: 12, args: { pid: 0 } }]);
  });

  test('answers with a result, or with an errno', () => {
    const answered = callWith(NR.getpid, [], { before: () => ({ result: 77 }) });
    expect(dispatch(answered.task)).toBe(77);
    expect(answered.lines).toEqual(['[12] getpid() = 77 (HOOKED)']);
    const refused = dispatch(callWith(NR.getpid, [], { before: () => ({ errno: 'EPERM' }) }).task);
    expect(refused).toEqual(new Failure(E.EPERM));
  });

  test('changes arguments: the handler gets these, whatever the guest has in its memory', () => {
    const call = callWith(NR.getrandom, [MEMORY_START, 4, 0], {
      before: (c) => (c.name === 'getrandom' ? { args: { flags: 0x80 } } : undefined),
    });
    expect(dispatch(call.task)).toEqual(new Failure(E.EINVAL));
    expect(call.lines).toEqual(['[12] getrandom(0x1000, 4, 0x80) = -1 EINVAL (Invalid argument)']);
  });

  test('kills', () => {
    const call = callWith(NR.getpid, [], { before: () => ({ kill: 'SIGTERM' }) });
    expect(dispatch(call.task)).toBe(ENTER_EXIT_GROUP);
    expect(call.task.group.exiting).toBe(SIG.TERM);
  });

  test('is asked about the calls only that it names', () => {
    const module: SyscallHooks = { syscalls: 'gettid', before: () => ({ result: 1 }) };
    expect(dispatch(callWith(NR.getpid, [], module).task)).toBe(10);
    expect(dispatch(callWith(NR.gettid, [], module).task)).toBe(1);
  });

  test('reads and writes the memory of its guest', () => {
    const call = callWith(NR.getpid, [], {
      before({ memory }) {
        expect(memory.read(MEMORY_START, 2)).toEqual(new Uint8Array([7, 8]));
        expect(memory.read(0, 2)).toBeUndefined();
        expect(memory.write(MEMORY_START, new Uint8Array([9]))).toBe(true);
      },
    });
    call.put(MEMORY_START, new Uint8Array([7, 8]));
    dispatch(call.task);
    expect(call.events).toMatchObject([{ type: 'syscall', result: 10 }]);
    expect(call.bytes[0]).toBe(9);
  });
});

describe('after()', () => {
  test('sees what the call came to, and may change it', () => {
    const call = callWith(NR.getpid, [], {
      after: ({ result = 0, errno }) => {
        expect(errno).toBeUndefined();
        return { result: result + 1 };
      },
    });
    expect(dispatch(call.task)).toBe(11);
  });

  test('sees the errno of a failure', () => {
    const call = callWith(NR.getrandom, [MEMORY_START, 4, 0x80], {
      after: ({ result, errno }) => (result === undefined && errno === 'EINVAL' ? { result: 0 } : undefined),
    });
    expect(dispatch(call.task)).toBe(0);
  });
});

test('several modules: the first answer holds, and the last one asked hears the end first', () => {
  const told: string[] = [];
  const module = (name: string, result?: number): SyscallHooks => ({
    before() {
      told.push(`before ${name}`);
      return result === undefined ? undefined : { result };
    },
    after: () => void told.push(`after ${name}`),
  });
  const call = callWith(NR.getpid, [], module('a'), module('b', 5), module('c'));
  expect(dispatch(call.task)).toBe(5);
  expect(told).toEqual(['before a', 'before b', 'after b', 'after a']);
});

describe('a hook that is wrong ends the process, not the kernel', () => {
  const wrong: [string, SyscallHooks, RegExp][] = [
    [
      'throws',
      {
        before: () => {
          throw new Error('ouch');
        },
      },
      /ouch\n\s+at /,
    ],
    [
      'throws afterwards',
      {
        after: () => {
          throw new Error('ouch');
        },
      },
      /ouch/,
    ],
    [
      'throws what is no error',
      {
        before: () => {
          throw 'a string';
        },
      },
      /a string/,
    ],
    ['is asynchronous', { before: (async () => {}) as never }, /promise: hooks are synchronous/],
    ['answers a number', { before: (() => 5) as never }, /before\(\) answered 5/],
    ['answers nonsense', { before: (() => ({ reslut: 5 })) as never }, /answered reslut/],
    ['answers half a number', { before: () => ({ result: 0.5 }) }, /answered result/],
    ['names no errno', { before: (() => ({ errno: 'EWHAT' })) as never }, /answered errno/],
    ['names no argument', { before: (() => ({ args: { nope: 1 } })) as never }, /no argument nope/],
    ['changes its type', { before: (() => ({ args: { pid: 'x' } })) as never }, /is a number, not a string/],
  ];
  test.each(wrong)('%s', (_what, module, why) => {
    const call = callWith(NR.getpgid, [0], module);
    expect(dispatch(call.task)).toBe(ENTER_EXIT_GROUP);
    expect(call.task.group.exiting).toBe(SIG.KILL);
    expect(call.events.filter((e) => e.type === 'hookError')).toMatchObject([
      { module: 'file:///hooks.js', why: expect.stringMatching(why) },
    ]);
  });
});

test('a module that is none of hooks is refused', () => {
  const load = (exports: object): Hooks => new Hooks('file:///x.js', { ...exports });
  expect(() => load({})).toThrow(HookError);
  expect(() => load({})).toThrow(/neither before\(\) nor after\(\)/);
  expect(() => load({ before: 1 })).toThrow(/before is no function/);
  expect(() => load({ before() {}, syscalls: 1 })).toThrow(/syscalls is no string/);
  expect(() => load({ before() {}, syscalls: 'nope' })).toThrow(/unknown system call 'nope'/);
});

test('the name of a call tells the types of its arguments', () => {
  const hook: SyscallHooks = {
    before(call) {
      if (call.name !== 'openat') return undefined;
      const pathname: string = call.args.pathname;
      const flags: number = call.args.flags;
      return flags === 0 ? { args: { pathname: `${pathname}.orig` } } : undefined;
    },
  };
  // Every declared call has its name as a type of its own, also those that are declared by families.
  type Known = 'nope' extends keyof SyscallArgs ? 'anything' : 'names';
  const known: Known = 'names';
  const args: Pick<SyscallArgs, 'read' | 'fsetxattr'> = {
    read: { fd: 1, buf: 2, count: 3 },
    fsetxattr: { fd: 1, name: 'user.x', value: 2, size: 3, flags: 0 },
  };
  expect([hook.before?.name, known, args.read.count]).toEqual(['before', 'names', 3]);
});
