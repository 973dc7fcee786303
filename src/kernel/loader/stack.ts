/**
 * What a new program finds on its stack: argc, argv, envp, the auxiliary vector, and the strings they
 * point to. Linux: copy_strings (fs/exec.c) and create_elf_tables (fs/binfmt_elf.c). From the top down:
 *
 *   8 zero bytes, path of the program, environment strings, argument strings, a random gap below 8 KiB,
 *   "x86_64", 16 random bytes, auxv, envp…NULL, argv…NULL, argc ← stack pointer, 16-byte aligned
 */
import { AUXV } from '../../abi/elf.js';
import { E } from '../../abi/errno.js';
import { type Failure, fail } from '../outcome.js';

/** MAX_ARG_STRLEN: one string with its NUL. */
const MAX_STRING = 131_072;
/** ARG_MAX: so much is always allowed. */
const MIN_TOTAL = 131_072;
/** Three quarters of the usual stack. */
const MAX_TOTAL = 6 * 1024 * 1024;
const POINTER = 8;
const PLATFORM = 'x86_64';
const RANDOM_BYTES = 16;

export interface StackStrings {
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  /** The path as given to execve(2). */
  readonly filename: string;
}

/** E2BIG when a program with this stack limit may not be given so much. Linux: bprm_stack_limits. */
export function checkStringSizes(strings: StackStrings, stackLimit: number): Failure | undefined {
  const { argv, envp, filename } = strings;
  const allowed = Math.max(Math.min(MAX_TOTAL, stackLimit / 4), MIN_TOTAL);
  let total = (Math.max(argv.length, 1) + envp.length) * POINTER;
  if (total >= allowed) return fail(E.E2BIG);
  for (const list of [argv, envp, [filename]]) {
    for (const s of list) {
      if (s.length + 1 > MAX_STRING) return fail(E.E2BIG);
      total += s.length + 1;
    }
  }
  return total > allowed ? fail(E.E2BIG) : undefined;
}

export interface StackRequest extends StackStrings {
  readonly top: number;
  /** AT_RANDOM: 16 bytes. */
  readonly random: Uint8Array;
  /** Bytes left free below the strings: a random number below 8192. */
  readonly gap: number;
  /** Entries of the auxiliary vector, in order; those that point into the stack are added here. */
  readonly auxv: readonly (readonly [type: number, value: number])[];
}

export interface StackImage {
  readonly sp: number;
  /** Everything from `sp` up to the top. */
  readonly bytes: Uint8Array;
  readonly argStart: number;
  readonly argEnd: number;
  readonly envStart: number;
  readonly envEnd: number;
  /** The auxiliary vector alone, as /proc/pid/auxv shows it. */
  readonly auxv: Uint8Array;
}

export function buildStack(request: StackRequest): StackImage {
  const { top, argv, envp, filename, random, gap } = request;
  const argStrings = joined(argv);
  const strings = `${argStrings}${joined(envp)}${filename}\0`;
  const argStart = top - POINTER - strings.length;
  const envStart = argStart + argStrings.length;
  const filenameAddr = top - POINTER - filename.length - 1;

  const platformAddr = alignDown(argStart - gap) - (PLATFORM.length + 1);
  const randomAddr = platformAddr - RANDOM_BYTES;
  const auxv = auxiliaryVector(request, { filenameAddr, platformAddr, randomAddr });
  const pointers = 1 + argv.length + 1 + envp.length + 1;
  const sp = alignDown(randomAddr - auxv.length - pointers * POINTER);

  const bytes = new Uint8Array(top - sp);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const push = (value: number): void => {
    view.setBigUint64(at, BigInt(value), true);
    at += POINTER;
  };
  push(argv.length);
  pushPointers(push, argv, argStart);
  pushPointers(push, envp, envStart);
  bytes.set(auxv, at);
  bytes.set(random.subarray(0, RANDOM_BYTES), randomAddr - sp);
  putString(bytes, platformAddr - sp, PLATFORM);
  putString(bytes, argStart - sp, strings);
  return { sp, bytes, argStart, argEnd: envStart, envStart, envEnd: filenameAddr, auxv };
}

function auxiliaryVector(
  { auxv }: StackRequest,
  at: { readonly filenameAddr: number; readonly platformAddr: number; readonly randomAddr: number },
): Uint8Array {
  const pointers = new Map([
    [AUXV.RANDOM as number, at.randomAddr],
    [AUXV.EXECFN as number, at.filenameAddr],
    [AUXV.PLATFORM as number, at.platformAddr],
  ]);
  const out = new Uint8Array((auxv.length + 1) * 2 * POINTER);
  const view = new DataView(out.buffer);
  auxv.forEach(([type, value], i) => {
    view.setBigUint64(i * 16, BigInt(type), true);
    view.setBigUint64(i * 16 + 8, BigInt(pointers.get(type) ?? value), true);
  });
  return out;
}

function pushPointers(push: (value: number) => void, strings: readonly string[], from: number): void {
  let at = from;
  for (const s of strings) {
    push(at);
    at += s.length + 1;
  }
  push(0);
}

function joined(strings: readonly string[]): string {
  return strings.map((s) => `${s}\0`).join('');
}

function putString(into: Uint8Array, at: number, text: string): void {
  Buffer.from(into.buffer, into.byteOffset).write(text, at, 'latin1');
}

function alignDown(addr: number): number {
  return addr - (addr % 16);
}
