/**
 * What the registers of a system call mean: the vocabulary of declarations (declare.ts).
 *
 * Codecs that read guest memory (`path`, `structIn`) do so before the handler runs and throw EFAULT;
 * where Linux looks at other arguments first and programs can tell, take the address (`addr`,
 * `structAt`) and read it in the handler.
 */
import { E, type Errno } from '../../abi/errno.js';
import { AT_FDCWD, iovec as iovecStruct, O_ACCMODE, openFlags, PATH_MAX } from '../../abi/open.js';
import { signalName } from '../../abi/signal.js';
import type { Struct } from '../../abi/struct.js';
import { clockIds } from '../../abi/time.js';
import { statusCode, statusExited, statusSignal, statusStopped, statusStopSignal } from '../../abi/wait.js';
import { type Fd, type UserAddr, userAddr } from '../../base/brand.js';
import { latin1 } from '../../base/bytes.js';
import { SyscallError } from '../outcome.js';
import type { Task } from '../task/task.js';
import type { Codec, ShowContext } from './declare.js';
import {
  address,
  bitNames,
  countedArray,
  fields,
  hex,
  memoryText,
  type NameTable,
  quote,
  stringArray,
  valueName,
} from './show.js';

const TWO32 = 0x1_0000_0000;

// --- Numbers ---

/** C's int; what does not fit 32 bits is cut off, as in Linux. */
export const int: Codec<number> = { decode: (_task, lo) => lo | 0, show: String };
export const uint: Codec<number> = { decode: (_task, lo) => lo >>> 0, show: String };
/** A signed 64-bit number, exact to 2⁵³: long, off_t. */
export const long: Codec<number> = {
  decode: (_task, lo, hi) => (hi | 0) * TWO32 + (lo >>> 0),
  show: String,
};
export const offset = long;
/** An unsigned 64-bit number, exact to 2⁵³: size_t, unsigned long. */
export const ulong: Codec<number> = { decode: unsigned, show: String };
export const size = ulong;
/** Any word, shown in hex: the last argument of ioctl, fcntl, prctl. */
export const word: Codec<number> = { decode: unsigned, show: hex };
/** A guest address; it may be NULL or nonsense. */
export const addr: Codec<UserAddr> = { decode: unsignedAddr, show: address };
/** A user or group id; -1 is 4294967295 and means "leave as it is" where that is allowed. */
export const id: Codec<number> = {
  decode: (_task, lo) => lo >>> 0,
  show: (value) => (value === 0xffff_ffff ? '-1' : String(value)),
};
/** Permission bits, umode_t. */
export const octalMode: Codec<number> = {
  decode: (_task, lo) => lo & 0xffff,
  show: (value) => `0${value.toString(8).padStart(2, '0')}`,
};

export const fd: Codec<Fd> = { decode: (_task, lo) => (lo | 0) as Fd, show: String };
/** The directory of an *at call: a descriptor or AT_FDCWD. */
export const dirfd: Codec<Fd> = {
  decode: (_task, lo) => (lo | 0) as Fd,
  show: (value) => (value === AT_FDCWD ? 'AT_FDCWD' : String(value)),
};

export const signalNumber: Codec<number> = { decode: (_task, lo) => lo | 0, show: signalName };
export const clockId: Codec<number> = choice(clockIds);

// --- Names of bits and values ---

export function flags(table: NameTable, options: { prefix?: string; zero?: string } = {}): Codec<number> {
  return { decode: (_task, lo) => lo >>> 0, show: (value) => bitNames(table, value, options) };
}

/** One of several values: an operation, a whence. */
export function choice(table: NameTable, prefix = ''): Codec<number> {
  return { decode: (_task, lo) => lo | 0, show: (value) => valueName(table, value, prefix) };
}

/** A value in the bits of `mask`, with flags in the others: futex operations, socket types. */
export function choiceWithFlags(values: NameTable, mask: number, bits: NameTable): Codec<number> {
  return {
    decode: (_task, lo) => lo >>> 0,
    show(value) {
      const rest = (value & ~mask) >>> 0;
      const name = valueName(values, value & mask);
      return rest === 0 ? name : `${name}|${bitNames(bits, rest)}`;
    },
  };
}

const ACCESS_MODES = ['O_RDONLY', 'O_WRONLY', 'O_RDWR', 'O_ACCMODE'] as const;

/** open(2)'s flags: an access mode of two bits, then bits. */
export const oflags: Codec<number> = {
  decode: (_task, lo) => lo >>> 0,
  show: openFlagsText,
};

export function openFlagsText(value: number): string {
  const rest = (value & ~O_ACCMODE) >>> 0;
  const mode = ACCESS_MODES[value & O_ACCMODE] ?? '';
  return rest === 0 ? mode : `${mode}|${bitNames(openFlags, rest)}`;
}

// --- Strings ---

/** A byte string of at most `max` bytes; a longer one fails with `tooLong`. */
export function cString(max: number, tooLong: Errno): Codec<string> {
  return {
    decode: (task, lo, hi) => readString(task, unsignedAddr(task, lo, hi), max, tooLong),
    show: (value) => quote(value),
  };
}

/** A path, as bytes; "" where the guest gave an empty one. ENAMETOOLONG from 4096 bytes on. */
export const path: Codec<string> = cString(PATH_MAX - 1, E.ENAMETOOLONG);

/** A path that may be NULL. */
export const pathOrNull: Codec<string | undefined> = {
  decode: (task, lo, hi) => ((lo | hi) === 0 ? undefined : path.decode(task, lo, hi)),
  show: (value) => (value === undefined ? 'NULL' : quote(value)),
};

function readString(task: Task, at: UserAddr, max: number, tooLong: Errno): string {
  const bytes = task.memory.readCString(at, max);
  if (bytes === undefined) throw new SyscallError(tooLong);
  return latin1(bytes);
}

/** execve's argv. */
export const stringVector: Codec<UserAddr> = {
  decode: unsignedAddr,
  show: (value, { task, stringLimit }) => stringArray(task.memory, value, stringLimit),
};
/** execve's envp. */
export const environment: Codec<UserAddr> = {
  decode: unsignedAddr,
  show: (value, { task }) => countedArray(task.memory, value, 'var'),
};

// --- Buffers; `lengthName` is the argument that holds their length ---

export function inBuffer(lengthName: string): Codec<UserAddr> {
  return {
    lengthName,
    decode: unsignedAddr,
    show: (value, call) => memoryText(call.task.memory, value, numberArg(call, lengthName), call.stringLimit),
  };
}

/** Holds as many bytes as the call returns. */
export function outBuffer(lengthName: string): Codec<UserAddr> {
  return {
    lengthName,
    decode: unsignedAddr,
    isOutput: true,
    show(value, call) {
      if (failed(call)) return address(value);
      const length = Math.min(call.result ?? 0, numberArg(call, lengthName));
      return memoryText(call.task.memory, value, length, call.stringLimit);
    },
  };
}

export function inIovec(countName: string): Codec<UserAddr> {
  return {
    decode: unsignedAddr,
    show: (value, call) => vectorText(call, value, numberArg(call, countName), Number.POSITIVE_INFINITY),
  };
}

export function outIovec(countName: string): Codec<UserAddr> {
  return {
    decode: unsignedAddr,
    isOutput: true,
    show: (value, call) =>
      failed(call) ? address(value) : vectorText(call, value, numberArg(call, countName), call.result ?? 0),
  };
}

/** Linux's IOV_MAX many would not help a reader. */
const VECTORS_SHOWN = 8;

function vectorText(call: ShowContext, at: UserAddr, count: number, filled: number): string {
  const { memory } = call.task;
  const shown: string[] = [];
  let left = filled;
  for (let i = 0; i < Math.min(count, VECTORS_SHOWN); i++) {
    const bytes = new Uint8Array(iovecStruct.size);
    if (memory.tryRead(userAddr(at + i * bytes.length), bytes) !== bytes.length) return address(at);
    const { base, len } = iovecStruct.decode(bytes);
    const text = memoryText(memory, base, Math.min(len, left), call.stringLimit);
    left -= Math.min(len, left);
    shown.push(`{iov_base=${text}, iov_len=${len}}`);
  }
  if (count > VECTORS_SHOWN) shown.push('...');
  return `[${shown.join(', ')}]`;
}

// --- Structs ---

/** A struct that the call reads; EFAULT where it cannot. */
export function structIn<T>(s: Struct<T>): Codec<T> {
  return {
    decode: (task, lo, hi) => task.memory.readStruct(s, unsignedAddr(task, lo, hi)),
    show: (value, call) => fields(value, call.stringLimit),
  };
}

export function structInOrNull<T>(s: Struct<T>): Codec<T | undefined> {
  return {
    decode: (task, lo, hi) =>
      (lo | hi) === 0 ? undefined : task.memory.readStruct(s, unsignedAddr(task, lo, hi)),
    show: (value, call) => (value === undefined ? 'NULL' : fields(value, call.stringLimit)),
  };
}

/** The address of a struct that the handler reads. */
export function structAt<T>(s: Struct<T>): Codec<UserAddr> {
  return { decode: unsignedAddr, show: (value, call) => structText(s, value, call) };
}

/** The address of a struct that the handler fills in. */
export function structOut<T>(s: Struct<T>): Codec<UserAddr> {
  return {
    decode: unsignedAddr,
    isOutput: true,
    show: (value, call) => (failed(call) ? address(value) : structText(s, value, call)),
  };
}

function structText<T>(s: Struct<T>, at: UserAddr, call: ShowContext): string {
  const bytes = new Uint8Array(s.size);
  if (at === 0 || call.task.memory.tryRead(at, bytes) !== s.size) return address(at);
  return fields(s.decode(bytes), call.stringLimit);
}

/** The address of `count` ints that the call fills in: pipe's descriptors, a tid, a length. */
export function intsOut(count: number): Codec<UserAddr> {
  return {
    decode: unsignedAddr,
    isOutput: true,
    show(value, call) {
      const words = failed(call) ? undefined : readWords(call.task, value, count);
      return words === undefined ? address(value) : `[${[...words].join(', ')}]`;
    },
  };
}
export const intOut = intsOut(1);

/** wait4's status word. */
export const waitStatusOut: Codec<UserAddr> = {
  decode: unsignedAddr,
  isOutput: true,
  show(value, call) {
    const status = failed(call) || call.result === 0 ? undefined : readWords(call.task, value, 1)?.[0];
    return status === undefined ? address(value) : `[{${statusText(status)}}]`;
  },
};

function statusText(status: number): string {
  if (statusExited(status)) return `WIFEXITED(s) && WEXITSTATUS(s) == ${statusCode(status)}`;
  if (statusStopped(status)) return `WIFSTOPPED(s) && WSTOPSIG(s) == ${signalName(statusStopSignal(status))}`;
  if (status === 0xffff) return 'WIFCONTINUED(s)';
  return `WIFSIGNALED(s) && WTERMSIG(s) == ${signalName(statusSignal(status))}`;
}

/** The address of a sigset_t that the call reads. */
export const sigset: Codec<UserAddr> = {
  decode: unsignedAddr,
  show: (value, call) => sigsetText(call.task, value),
};
/** The address of a sigset_t that the call fills in. */
export const sigsetOut: Codec<UserAddr> = {
  decode: unsignedAddr,
  isOutput: true,
  show: (value, call) => (failed(call) ? address(value) : sigsetText(call.task, value)),
};

function sigsetText(task: Task, at: UserAddr): string {
  const words = readWords(task, at, 2);
  if (words === undefined) return address(at);
  const [lo = 0, hi = 0] = words;
  const names: string[] = [];
  for (let signo = 1; signo <= 64; signo++) {
    const bit = signo <= 32 ? (lo >>> (signo - 1)) & 1 : (hi >>> (signo - 33)) & 1;
    if (bit) names.push(signalName(signo).slice(3));
  }
  // Two thirds full: what is missing says more.
  if (names.length <= 42) return `[${names.join(' ')}]`;
  const missing: string[] = [];
  for (let signo = 1; signo <= 64; signo++) {
    const name = signalName(signo).slice(3);
    if (!names.includes(name)) missing.push(name);
  }
  return `~[${missing.join(' ')}]`;
}

// --- Parts ---

function unsigned(_task: Task, lo: number, hi: number): number {
  return (hi >>> 0) * TWO32 + (lo >>> 0);
}

function unsignedAddr(task: Task, lo: number, hi: number): UserAddr {
  return userAddr(unsigned(task, lo, hi));
}

function failed(call: ShowContext): boolean {
  return call.result === undefined || call.result < 0;
}

function numberArg(call: ShowContext, name: string): number {
  const value = call.args[call.declaration.args.findIndex((a) => a.name === name)];
  return typeof value === 'number' ? value : 0;
}

function readWords(task: Task, at: UserAddr, count: number): Int32Array | undefined {
  const bytes = new Uint8Array(4 * count);
  if (at === 0 || task.memory.tryRead(at, bytes) !== bytes.length) return undefined;
  return new Int32Array(bytes.buffer);
}
