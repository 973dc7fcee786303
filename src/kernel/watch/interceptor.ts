/**
 * Somebody who may change what system calls do: hooks of the embedder (hooks.ts), injection by rule
 * (injection.ts).
 */
import type { Failure, Outcome } from '../outcome.js';
import type { Declaration } from '../syscalls/declare.js';
import type { Task } from '../task/task.js';

/** What is to become of a call; what is absent stays as it is. */
export interface Interception {
  /** The answer. The handler does not run. */
  readonly outcome?: Outcome;
  /** Runs in its place, before it is answered so. */
  readonly instead?: Declaration;
  /** Sent to the task as the call begins. */
  readonly signo?: number;
  readonly delayEnterNs?: number;
  readonly delayExitNs?: number;
  /** What strace shows behind the result. */
  readonly mark: 'INJECTED' | 'DELAYED' | 'HOOKED';
}

export interface Interceptor {
  /** By number: 1 where it wants to be asked. */
  readonly calls: Uint8Array;
  /** Looks at a call that begins. It may change `args`: the handler gets what they are then. */
  before(task: Task, declaration: Declaration, args: unknown[]): Interception | undefined;
  /** Looks at what a call came to; an outcome takes the place of that. */
  after?(
    task: Task,
    declaration: Declaration,
    args: readonly unknown[],
    outcome: number | Failure,
  ): Outcome | undefined;
}

/** An interceptor failed: the fault of the embedder's code, which ends the guest and not the kernel. */
export class HookError extends Error {
  override readonly name = 'HookError';
  constructor(
    readonly module: string,
    why: string,
  ) {
    super(why);
  }
}
