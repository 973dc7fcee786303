/**
 * System calls are declared once: number, name, arguments, support, handler. Decoding, dispatch,
 * strace lines, event types and docs/coverage.md are derived from the declaration, and the handler's
 * parameter types are inferred from the codecs of its arguments (codecs.ts).
 */
import type { Result } from '../outcome.js';
import type { Task } from '../task/task.js';

/** What a raw register means. */
export interface Codec<T> {
  /** From the two halves of the register; may read guest memory, may throw SyscallError. */
  decode(task: Task, lo: number, hi: number): T;
  /** As strace prints it; `out` data is there when the call has returned. */
  show(value: T, call: ShowContext): string;
  /** Shown when the call has returned; the others are shown as they were when it began. */
  readonly isOutput?: true;
  /** Of a buffer: the argument that holds its length. */
  readonly lengthName?: string;
}

export interface ShowContext {
  readonly task: Task;
  /** The decoded arguments, for codecs that refer to others (a buffer to its length). */
  readonly args: readonly unknown[];
  readonly declaration: Declaration;
  /** Undefined while the call has not returned; negative: -errno. */
  readonly result: number | undefined;
  /** Bytes of a string to show before "..."; strace's -s. */
  readonly stringLimit: number;
}

/** A named argument. */
export interface Arg<T, N extends string = string> {
  readonly name: N;
  readonly codec: Codec<T>;
}

export function arg<T, const N extends string>(name: N, codec: Codec<T>): Arg<T, N> {
  return { name, codec };
}

type Values<A extends readonly Arg<unknown>[]> = {
  [K in keyof A]: A[K] extends Arg<infer T> ? T : never;
};

/** strace's classes: -e trace=%file and so on. */
export type SyscallClass =
  | 'file'
  | 'desc'
  | 'process'
  | 'memory'
  | 'signal'
  | 'network'
  | 'ipc'
  | 'creds'
  | 'clock';

export interface DeclarationOptions {
  readonly classes?: readonly SyscallClass[];
  /** full: as Linux; partial: see the note; none: always answers `errno`. */
  readonly support?: 'full' | 'partial' | 'none';
  readonly note?: string;
  /** How strace prints the return value. Default: a number. */
  readonly returns?: 'number' | 'address' | 'octal' | 'none';
}

export interface Declaration {
  readonly number: number;
  readonly name: string;
  readonly args: readonly Arg<unknown>[];
  readonly classes: readonly SyscallClass[];
  readonly support: 'full' | 'partial' | 'none';
  readonly note: string;
  readonly returns: 'number' | 'address' | 'octal' | 'none';
  readonly handler: (task: Task, ...args: never[]) => Result;
}

/** A declaration that still knows its name and arguments: the types of hooks come from these. */
export interface DeclarationOf<N extends string, A extends readonly Arg<unknown>[]> extends Declaration {
  readonly name: N;
  readonly args: A;
}

export function syscall<const N extends string, const A extends readonly Arg<unknown>[]>(
  number: number,
  name: N,
  args: A,
  options: DeclarationOptions,
  handler: (task: Task, ...args: Values<A>) => Result,
): DeclarationOf<N, A> {
  return {
    number,
    name,
    args,
    classes: options.classes ?? [],
    support: options.support ?? 'full',
    note: options.note ?? '',
    returns: options.returns ?? 'number',
    handler: handler as Declaration['handler'],
  };
}

/** The index of the argument that says how long the call's buffer is; -1 where it has none. */
export function bufferLength({ args }: Declaration): number {
  const name = args.find(({ codec }) => codec.lengthName !== undefined)?.codec.lengthName;
  return args.findIndex((a) => a.name === name);
}
