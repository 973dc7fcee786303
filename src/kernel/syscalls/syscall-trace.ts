/**
 * Which system calls are traced, and how: what `--strace` asks for. One object a shard, part of its
 * services; dispatch looks at `active` at every call, so it is a plain field.
 */

/** True for the numbers that are wanted. */
export type SyscallFilter = (number: number) => boolean;

export interface SyscallTraceOptions {
  readonly filter?: SyscallFilter;
  /** Bytes of a string before "..."; strace's -s. */
  readonly stringLimit?: number;
}

export const DEFAULT_STRING_LIMIT = 32;

export class SyscallTrace {
  /** Somebody listens. Whoever subscribes and unsubscribes keeps it true to that. */
  active = true;
  readonly filter: SyscallFilter | undefined;
  readonly stringLimit: number;

  constructor(options: SyscallTraceOptions = {}) {
    this.filter = options.filter;
    this.stringLimit = options.stringLimit ?? DEFAULT_STRING_LIMIT;
  }

  wants(number: number): boolean {
    return this.active && (this.filter === undefined || this.filter(number));
  }
}
