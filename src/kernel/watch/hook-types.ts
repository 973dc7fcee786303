/**
 * What a module of hooks sees and says, as types; those of arguments come from the declarations of the
 * system calls: where `call.name` is known, so are they.
 */
import type { E } from '../../abi/errno.js';
import type { SIG } from '../../abi/signal.js';
import type { Arg } from '../syscalls/declare.js';
import type { Declared } from '../syscalls/table.js';

/** Numbers of different kinds are one to a hook. */
type Plain<T> = T extends number ? number : T extends string ? string : T;

type ArgsOf<A extends readonly Arg<unknown>[]> = {
  readonly [X in A[number] as X['name']]: X extends Arg<infer T> ? Plain<T> : never;
};

/** The arguments of each system call, by its name. */
export type SyscallArgs = { [D in Declared as D['name']]: ArgsOf<D['args']> };

/** Memory of the guest, as bytes. It may change at any time: what matters is to be read once. */
export interface GuestMemory {
  /** Undefined where the guest has no such memory. */
  read(addr: number, length: number): Uint8Array | undefined;
  /** False where the guest has no such memory, or may not write it. */
  write(addr: number, bytes: Uint8Array): boolean;
}

interface Caller {
  readonly pid: number;
  readonly tid: number;
  readonly comm: string;
  readonly uid: number;
  readonly gid: number;
  readonly memory: GuestMemory;
}

/** Strings are byte strings: a character (0–255) a byte, so that no name is ambiguous. */
export type SyscallCall = {
  [N in keyof SyscallArgs]: Caller & {
    readonly name: N;
    readonly sysno: number;
    readonly args: SyscallArgs[N];
  };
}[keyof SyscallArgs];

/** `result` is undefined and `errno` the error's name when it failed. */
export type ReturnedCall = SyscallCall & {
  readonly result: number | undefined;
  readonly errno: keyof typeof E | undefined;
};

type Answer =
  | { readonly result: number }
  | { readonly errno: keyof typeof E }
  /** Ends the process by this signal, whatever it does about it. */
  | { readonly kill: `SIG${keyof typeof SIG}` };

type Union<T> = T extends unknown ? Partial<T> : never;

/** Nothing: the call goes on. `args`: it goes on with these in place of the guest's. */
export type BeforeDecision = void | Answer | { readonly args: Union<SyscallArgs[keyof SyscallArgs]> };
export type AfterDecision = void | Answer;

/** The exports of a module that `kernel.intercept` loads into every shard. Neither may be asynchronous. */
export interface SyscallHooks {
  /** Calls to be asked about, as strace's -e trace=. Default: all. */
  readonly syscalls?: string;
  readonly before?: (call: SyscallCall) => BeforeDecision;
  /** Not for calls that do not return: exit, a successful execve, what a signal interrupts and restarts. */
  readonly after?: (call: ReturnedCall) => AfterDecision;
}
