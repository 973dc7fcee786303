import { describe, expect, test } from '@jest/globals';
import { E } from '../../../../src/abi/errno.js';
import { NR, X32_SYSCALL_BIT } from '../../../../src/abi/numbers.js';
import { timespec } from '../../../../src/abi/time.js';
import {
  Failure,
  failureOf,
  isOutcome,
  type Outcome,
  type Result,
  type Wake,
} from '../../../../src/kernel/outcome.js';
import { dispatch } from '../../../../src/kernel/syscalls/dispatch.js';
import { parseStraceFilter } from '../../../../src/kernel/syscalls/strace-filter.js';
import { FakeCall, MEMORY_END, MEMORY_START } from '../../support/fake-call.js';

/** Lets a call that waits go on, to its end. */
function wake(result: Result, how: Wake): Outcome {
  if (isOutcome(result)) throw new Error('it did not wait');
  result.next();
  const step = result.next(how);
  if (!step.done) throw new Error('it waits again');
  return step.value;
}

const errno = (result: Result): number => (result instanceof Failure ? result.errno : 0);

describe('dispatch', () => {
  test('a call returns what its handler says', () => {
    expect(dispatch(new FakeCall(NR.gettid).task)).toBe(12);
  });

  test('an argument that cannot be read makes the call fail with EFAULT', () => {
    expect(errno(dispatch(new FakeCall(NR.nanosleep, [MEMORY_END]).task))).toBe(E.EFAULT);
  });

  test.each([
    ['a number between the old and the new ones', 400],
    ['a number beyond the end', 100_000],
    ['a negative number', -1],
    ['the x32 ABI', X32_SYSCALL_BIT | NR.getpid],
  ])('%s fails with ENOSYS and is reported', (_what, number) => {
    const call = new FakeCall(number, [], { wants: ['unimplemented'] });
    expect(errno(dispatch(call.task))).toBe(E.ENOSYS);
    expect(call.events).toMatchObject([{ type: 'unimplemented', sysno: number, pid: 10, tid: 12 }]);
  });

  test('a call that is not there fails with its own errno and is reported', () => {
    const call = new FakeCall(NR.init_module, [], { wants: ['unimplemented'] });
    expect(errno(dispatch(call.task))).toBe(E.EPERM);
    expect(call.events).toMatchObject([{ type: 'unimplemented', name: 'init_module' }]);
  });

  test('what is not a SyscallError goes through: a bug is not an errno', () => {
    const call = new FakeCall(NR.uname, [MEMORY_START]);
    // The fake has no UTS namespace.
    expect(() => dispatch(call.task)).toThrow(TypeError);
    expect(() => failureOf(new RangeError('bug'))).toThrow(RangeError);
  });

  test('nothing is traced when nobody listens', () => {
    const call = new FakeCall(NR.gettid);
    dispatch(call.task);
    expect(call.events).toEqual([]);
  });
});

describe('strace lines', () => {
  const traced = (number: number, args: readonly (number | bigint)[] = []): FakeCall =>
    new FakeCall(number, args, { wants: ['syscall'] });

  test('a call without arguments', () => {
    const call = traced(NR.gettid);
    dispatch(call.task);
    expect(call.lines).toEqual(['[12] gettid() = 12']);
  });

  test('a failure shows its name and text', () => {
    const call = traced(NR.getrandom, [MEMORY_START, 4, 0x80]);
    dispatch(call.task);
    expect(call.lines).toEqual([`[12] getrandom(0x1000, 4, 0x80) = -1 EINVAL (Invalid argument)`]);
  });

  test('an argument that cannot be read is shown as its address', () => {
    const call = traced(NR.nanosleep, [0xdead_0000, 0]);
    dispatch(call.task);
    expect(call.lines).toEqual(['[12] nanosleep(0xdead0000, NULL) = -1 EFAULT (Bad address)']);
  });

  test('structs that go in are shown as they were at the start', () => {
    const call = traced(NR.nanosleep, [MEMORY_START, 0]);
    call.put(MEMORY_START, timespec.encode({ sec: 1, nsec: 5 }));
    const result = dispatch(call.task);
    expect(isOutcome(result)).toBe(false);
    expect(call.lines).toEqual([]);
    call.put(MEMORY_START, timespec.encode({ sec: 9, nsec: 9 }));
    expect(wake(result, 'timedOut')).toBe(0);
    expect(call.lines).toEqual(['[12] nanosleep({sec=1, nsec=5}, NULL) = 0']);
  });

  test('a call that a signal interrupted is to be restarted', () => {
    const call = traced(NR.nanosleep, [MEMORY_START, 0]);
    call.put(MEMORY_START, timespec.encode({ sec: 1, nsec: 5 }));
    wake(dispatch(call.task), 'interrupted');
    expect(call.lines[0]).toMatch(/ = \? ERESTART_RESTARTBLOCK \(Interrupted by signal\)$/);
  });

  test('a call that is abandoned shows a question mark', () => {
    const call = traced(NR.nanosleep, [MEMORY_START, 0]);
    call.put(MEMORY_START, timespec.encode({ sec: 1, nsec: 5 }));
    const result = dispatch(call.task);
    if (isOutcome(result)) throw new Error('it did not wait');
    result.next();
    result.return(0);
    expect(call.lines).toEqual(['[12] nanosleep({sec=1, nsec=5}, NULL) = ?']);
  });

  test('a trace with a filter shows only what was asked for', () => {
    const call = new FakeCall(NR.gettid, [], { wants: ['syscall'], syscalls: 'getpid' });
    dispatch(call.task);
    expect(call.lines).toEqual([]);
    const wanted = new FakeCall(NR.getpid, [], { wants: ['syscall'], syscalls: 'getpid' });
    dispatch(wanted.task);
    expect(wanted.lines).toEqual(['[12] getpid() = 10']);
  });
});

describe('filters', () => {
  const accepts = (text: string, number: number): boolean => {
    const filter = parseStraceFilter(text);
    if ('error' in filter) throw new Error(filter.error);
    return filter(number);
  };

  test('names and classes', () => {
    expect(accepts('getpid,%process', NR.getpid)).toBe(true);
    expect(accepts('getpid,%process', NR.exit_group)).toBe(true);
    expect(accepts('getpid,%process', NR.nanosleep)).toBe(false);
  });

  test('! turns it round; all and none', () => {
    expect(accepts('!getpid', NR.getpid)).toBe(false);
    expect(accepts('!getpid', NR.gettid)).toBe(true);
    expect(accepts('all', NR.gettid)).toBe(true);
    expect(accepts('none', NR.gettid)).toBe(false);
  });

  test('numbers, regular expressions, and what need not exist', () => {
    expect(accepts(`${NR.getpid}`, NR.getpid)).toBe(true);
    expect(accepts('/^getp', NR.getpid)).toBe(true);
    expect(accepts('/^getp', NR.gettid)).toBe(false);
    expect(accepts('?no_such_call,getpid', NR.getpid)).toBe(true);
    expect(parseStraceFilter('/(')).toMatchObject({ error: expect.stringContaining('/(') });
    expect(parseStraceFilter('/^zzz')).toMatchObject({ error: expect.stringContaining('zzz') });
    expect(parseStraceFilter('?')).toMatchObject({ error: expect.any(String) });
  });

  test('an unknown name or class is an error that names it', () => {
    expect(parseStraceFilter('getpid,gibtsnicht')).toEqual({ error: "unknown system call 'gibtsnicht'" });
    expect(parseStraceFilter('%nothing')).toMatchObject({ error: expect.stringContaining('%file') });
    expect(parseStraceFilter('')).toMatchObject({ error: expect.any(String) });
    expect(parseStraceFilter('constructor')).toMatchObject({ error: expect.any(String) });
  });
});
