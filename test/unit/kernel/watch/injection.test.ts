/** Rules of injection: their syntax, and which calls they hit. */
import { describe, expect, test } from '@jest/globals';
import { E } from '../../../../src/abi/errno.js';
import { NR } from '../../../../src/abi/numbers.js';
import { Failure } from '../../../../src/kernel/outcome.js';
import { dispatch } from '../../../../src/kernel/syscalls/dispatch.js';
import { Injection } from '../../../../src/kernel/watch/injection.js';
import { InjectionError, parseInjectionRule } from '../../../../src/kernel/watch/injection-rule.js';
import { FakeCall, MEMORY_START } from '../../support/fake-call.js';

/** What each of `count` calls comes to: -errno, or the result. */
function results(rules: readonly string[], count: number, { sysno = NR.getpid, seed = 0 } = {}): number[] {
  const injection = new Injection(rules.map(parseInjectionRule), seed);
  const call = new FakeCall(sysno, [], { interceptors: [injection] });
  return Array.from({ length: count }, () => {
    const result = dispatch(call.task);
    if (result instanceof Failure) return -result.errno;
    if (typeof result !== 'number') throw new Error('it waits');
    return result;
  });
}

const PID = 10;
const hits = (rule: string, count = 12): number[] =>
  results([rule], count).flatMap((result, i) => (result === PID ? [] : [i + 1]));

describe('when', () => {
  test.each<[string, number[]]>([
    ['', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]],
    [':when=3', [3]],
    [':when=10+', [10, 11, 12]],
    [':when=3..5', [3, 4, 5]],
    [':when=3..5+', [3, 4, 5]],
    [':when=2+4', [2, 6, 10]],
    [':when=2..9+4', [2, 6]],
    [':when=1:when=2', [2]],
  ])('getpid:error=EIO%s happens at %j', (when, expected) => {
    expect(hits(`getpid:error=EIO${when}`)).toEqual(expected);
  });

  test('counts each call and each task by itself', () => {
    const injection = new Injection([parseInjectionRule('getpid,gettid:error=EIO:when=2')], 0);
    const ask = (call: FakeCall): boolean => dispatch(call.task) instanceof Failure;
    const pid = new FakeCall(NR.getpid, [], { interceptors: [injection] });
    const other = new FakeCall(NR.getpid, [], { interceptors: [injection] });
    expect([ask(pid), ask(other), ask(pid), ask(other)]).toEqual([false, false, true, true]);
  });
});

describe('what is injected', () => {
  test('an errno by name or number, a value, and nothing for other calls', () => {
    expect(results(['getpid:error=ENOENT'], 1)).toEqual([-E.ENOENT]);
    expect(results(['getpid:error=133'], 1)).toEqual([-133]);
    expect(results(['getpid:retval=0x10'], 1)).toEqual([16]);
    expect(results(['gettid:error=ENOENT'], 1)).toEqual([PID]);
    expect(results(['%network,getpid:retval=7'], 1)).toEqual([7]);
    expect(results(['getpid:error=EIO:syscall=gettid'], 1)).toEqual([-E.EIO]);
  });

  test('of several rules for one call the last one counts', () => {
    expect(results(['getpid:retval=1', 'getpid:retval=2', 'gettid:retval=3'], 1)).toEqual([2]);
  });

  test('short: the handler is told of less room, and the line says so', () => {
    const injection = new Injection([parseInjectionRule('getrandom:short=3')], 0);
    const call = new FakeCall(NR.getrandom, [MEMORY_START, 8, 0x80], {
      interceptors: [injection],
      wants: ['syscall'],
    });
    dispatch(call.task);
    expect(call.lines[0]).toMatch(
      /getrandom\(0x1000, 3, 0x80\) = -1 EINVAL \(Invalid argument\) \(INJECTED\)/,
    );
  });

  test('a delay waits before the call, and nothing ends it', () => {
    const injection = new Injection([parseInjectionRule('getpid:delay_enter=2ms')], 0);
    const call = new FakeCall(NR.getpid, [], { interceptors: [injection], wants: ['syscall'] });
    const waiting = dispatch(call.task) as Generator<{ deadlineNs: number; interruptible: boolean }, unknown>;
    expect(waiting.next().value).toMatchObject({ deadlineNs: 2_000_005, interruptible: false });
    expect(waiting.next()).toEqual({ done: true, value: PID });
    expect(call.lines).toEqual(['[12] getpid() = 10 (DELAYED)']);
  });

  test('by chance: as often as said, the same for the same seed', () => {
    const of = (seed: number): number[] => results(['getpid:error=EIO:chance=0.25'], 4_000, { seed });
    const count = of(1).filter((r) => r < 0).length;
    expect(count).toBeGreaterThan(900);
    expect(count).toBeLessThan(1_100);
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });
});

describe('a rule that makes no sense is refused in one line', () => {
  test.each([
    ['getpid', /nothing to inject/],
    ['getpid:when=1', /nothing to inject/],
    ['nope:error=EIO', /unknown system call 'nope'/],
    ['getpid:error=EWHAT', /error=EWHAT/],
    ['getpid:error=0', /error=0/],
    ['getpid:error=4096', /error=4096/],
    ['getpid:retval=-1', /retval=-1/],
    ['getpid:error=EIO:retval=1', /more than one/],
    ['getpid:signal=SIGNOPE', /signal=SIGNOPE/],
    ['getpid:signal=65', /signal=65/],
    ['getpid:signal=1:signal=2', /more than one signal/],
    ['getpid:error=EIO:syscall=open', /syscall=open: not one of getpid/],
    ['getpid:syscall=gettid', /nothing to inject/],
    ['getpid:signal=1:syscall=gettid', /needs error= or retval=/],
    ['getpid:delay_enter=soon', /delay_enter=soon/],
    ['getpid:error=EIO:when=0', /when=0/],
    ['getpid:error=EIO:when=5..3', /when/],
    ['getpid:error=EIO:when=1+0', /when/],
    ['getpid:error=EIO:when=x', /when=x/],
    ['getpid:short=1', /short=: getpid is not one of read/],
    ['read:short=0', /short=0/],
    ['read:short=1:error=EIO', /contradicts/],
    ['getpid:error=EIO:chance=0', /chance=0/],
    ['getpid:error=EIO:chance=1.5', /chance=1.5/],
    ['getpid:poke_enter=@arg1=00', /unknown word 'poke_enter'; known: error/],
    ['getpid:constructor=1', /unknown word/],
    ['', /empty name/],
  ])('%s', (rule, why) => {
    expect(() => parseInjectionRule(rule)).toThrow(InjectionError);
    expect(() => parseInjectionRule(rule)).toThrow(why);
  });
});
