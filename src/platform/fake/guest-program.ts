/**
 * Guest programs for tests, written as generators: each yield is a trap, and what comes back is what the
 * guest finds in its return register.
 */
import type { UserAddr } from '../../base/brand.js';
import type { FakeContext } from './fake-context.js';

export type GuestStep =
  | {
      readonly type: 'syscall';
      readonly number: number;
      readonly args: readonly number[];
      /** What the child runs, when this call makes one. */
      readonly child?: GuestProgram;
    }
  | { readonly type: 'fault'; readonly signo: number; readonly code: number; readonly addr: UserAddr }
  /** Computes, without a trap, until the condition holds. */
  | { readonly type: 'compute'; readonly until: () => boolean };

export type GuestRun = Generator<GuestStep, void, number>;
export type GuestProgram = (guest: FakeContext) => GuestRun;

/** The one trap of a system call: `const r = yield* call(NR.getpid)`. */
export function* call(number: number, ...args: number[]): Generator<GuestStep, number, number> {
  return yield { type: 'syscall', number, args };
}

/** A system call that makes a task, which runs `child`. */
export function* callWithChild(
  child: GuestProgram,
  number: number,
  ...args: number[]
): Generator<GuestStep, number, number> {
  return yield { type: 'syscall', number, args, child };
}

export function* computeUntil(until: () => boolean): Generator<GuestStep, void, number> {
  yield { type: 'compute', until };
}

export function* fault(signo: number, code: number, addr: UserAddr): Generator<GuestStep, void, number> {
  yield { type: 'fault', signo, code, addr };
}
