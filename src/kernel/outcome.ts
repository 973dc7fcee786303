/**
 * What a system call may come to. One function (dispatch) turns it into a register.
 *
 * Frequent failures are values (`return fail(E.EAGAIN)`); rare ones are thrown as SyscallError and
 * caught in one place. Anything else that is thrown is a bug of ours and never becomes an errno.
 */
import { type Errno, errnoName } from '../abi/errno.js';
import type { Task } from './task/task.js';

export class Failure {
  constructor(readonly errno: Errno) {}
}

const failures = new Map<Errno, Failure>();

/** The failure with this errno; one object each, so that failing allocates nothing. */
export function fail(errno: Errno): Failure {
  const known = failures.get(errno);
  if (known) return known;
  const failure = new Failure(errno);
  failures.set(errno, failure);
  return failure;
}

export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  constructor(
    readonly errno: Errno,
    detail = '',
  ) {
    // A stack trace costs ten times the throw, and nobody reads it: an errno is not a bug.
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(detail ? `${errnoName(errno)}: ${detail}` : errnoName(errno));
    Error.stackTraceLimit = limit;
  }
}

/** The value of `r`, or its errno thrown: for callers that cannot go on without it. */
export function must<T>(r: T | Failure): T {
  if (r instanceof Failure) throw new SyscallError(r.errno);
  return r;
}

/**
 * A signal came before there was a result. What happens then is Linux's restart rules:
 * `always` ERESTARTNOINTR, `unlessHandled` ERESTARTNOHAND, `ifSaRestart` ERESTARTSYS,
 * `block` ERESTART_RESTARTBLOCK (goes on by restart_syscall, to the same instant as before).
 */
export class Restart {
  constructor(
    readonly rule: 'always' | 'unlessHandled' | 'ifSaRestart' | 'block',
    readonly deadlineNs?: number,
  ) {}
}
export const RESTART_ALWAYS = new Restart('always');
export const RESTART_UNLESS_HANDLED = new Restart('unlessHandled');
export const RESTART_IF_SA_RESTART = new Restart('ifSaRestart');

/** The task does not return from this call as usual: it exits, runs a new image, or its registers are set. */
export class Enter {
  constructor(readonly state: 'exit' | 'exitGroup' | 'exec' | 'sigreturn') {}
}
export const ENTER_EXIT = new Enter('exit');
export const ENTER_EXIT_GROUP = new Enter('exitGroup');
export const ENTER_EXEC = new Enter('exec');
export const ENTER_SIGRETURN = new Enter('sigreturn');

/** A number is the call's return value (≥ 0, or a 64-bit pattern as a double for addresses). */
export type Outcome = number | Failure | Restart | Enter;

/** A call that may have to wait is a generator that yields what it waits for. */
export type Blocking<T> = Generator<Wait, T, Wake>;
export type Result = Outcome | Blocking<Outcome>;

/** What a task waits for; made by kernel/wait.ts only. */
export interface Wait {
  /** Starts listening; `wake` may be called at once. The result stops listening. */
  arm(wake: () => void): () => void;
  /** Monotonic instant at which to give up. */
  readonly deadlineNs: number;
  /** Whether a signal ends it; a kill always does. */
  readonly interruptible: boolean;
  /** What more than the deadline the call is to know when it starts anew. */
  readonly resume?: (() => Resumed) | undefined;
}
/** What a call that starts anew need not do again, or does to the same instant: see kernel/save. */
export interface Resumed {
  /** When its wait ends, whatever time its arguments give. */
  readonly deadlineNs?: number;
  /** Bytes that it has moved. */
  readonly done?: number;
  /** What it has gathered for the guest and not given it yet. */
  readonly gathered?: Uint8Array;
  /** The child that it has made and waits for (vfork(2)). */
  readonly child?: Task;
}

export type Wake = 'ready' | 'timedOut' | 'interrupted';

/** True for what is not a generator. */
export function isOutcome(result: Result): result is Outcome {
  return (
    typeof result === 'number' ||
    result instanceof Failure ||
    result instanceof Restart ||
    result instanceof Enter
  );
}

/** The failure that a thrown SyscallError stands for; anything else is thrown again. */
export function failureOf(error: unknown): Failure {
  if (error instanceof SyscallError) return fail(error.errno);
  throw error;
}
