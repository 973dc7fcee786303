/** Extended attributes: getxattr(2), setxattr(2), listxattr(2), removexattr(2). */
import { E } from '../../abi/errno.js';
import { NR, type SyscallName } from '../../abi/numbers.js';
import {
  AT_FDCWD,
  XATTR_CREATE,
  XATTR_LIST_MAX,
  XATTR_NAME_MAX,
  XATTR_REPLACE,
  XATTR_SIZE_MAX,
} from '../../abi/open.js';
import type { UserAddr } from '../../base/brand.js';
import { bytesOf } from '../../base/bytes.js';
import { contextOf } from '../fs/fs-context.js';
import type { VfsPath } from '../fs/path.js';
import { placeOf } from '../fs/place-of.js';
import { walk } from '../fs/walk.js';
import { getXattr, listXattr, removeXattr, setXattr } from '../fs/xattr.js';
import { Failure, fail, must, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { cString, fd, flags, inBuffer, outBuffer, path, size } from './codecs.js';
import { type Arg, arg, syscall } from './declare.js';

/** An empty name, or one longer than the kernel takes, is out of range rather than too long. */
const named = [arg('name', cString(XATTR_NAME_MAX, E.ERANGE))] as const;
const xattrFlags = flags({ XATTR_CREATE, XATTR_REPLACE });
const getArgs = [...named, arg('value', outBuffer('size')), arg('size', size)] as const;
const setArgs = [
  ...named,
  arg('value', inBuffer('size')),
  arg('size', size),
  arg('flags', xattrFlags),
] as const;
const listArgs = [arg('list', outBuffer('size')), arg('size', size)] as const;

/** The three calls of a kind differ in what they name: a path, a symlink itself, a descriptor. */
function family<const P extends SyscallName, const D extends SyscallName, T extends readonly Arg<unknown>[]>(
  names: readonly [P, P, D],
  rest: T,
  handler: (task: Task, place: VfsPath, ...args: never[]) => Result,
) {
  const call = handler as (task: Task, place: VfsPath, ...args: unknown[]) => Result;
  const [followed, itself, descriptor] = names;
  const byPath = (name: P, followLast: boolean) =>
    syscall(NR[name], name, [arg('path', path), ...rest], { classes: ['file'] }, (task, p, ...args) =>
      call(task, must(walk(contextOf(task, AT_FDCWD, p), p, { followLast })), ...args),
    );
  return [
    byPath(followed, true),
    byPath(itself, false),
    syscall(NR[descriptor], descriptor, [arg('fd', fd), ...rest], { classes: ['desc'] }, (task, n, ...args) =>
      call(task, placeOf(task.files.require(n)), ...args),
    ),
  ];
}

export const xattrCalls = [
  ...family(['getxattr', 'lgetxattr', 'fgetxattr'], getArgs, get),
  ...family(['setxattr', 'lsetxattr', 'fsetxattr'], setArgs, set),
  ...family(['listxattr', 'llistxattr', 'flistxattr'], listArgs, list),
  ...family(['removexattr', 'lremovexattr', 'fremovexattr'], named, (task, place, name: string) =>
    name === '' ? fail(E.ERANGE) : (removeXattr(place, task.creds, name) ?? 0),
  ),
];

function get(task: Task, place: VfsPath, name: string, into: UserAddr, length: number): Result {
  if (name === '') return fail(E.ERANGE);
  const value = getXattr(place, task.creds, name);
  return value instanceof Failure ? value : give(task, value, into, Math.min(length, XATTR_SIZE_MAX));
}

function set(task: Task, place: VfsPath, name: string, from: UserAddr, length: number, f: number): Result {
  if (f & ~(XATTR_CREATE | XATTR_REPLACE)) return fail(E.EINVAL);
  if (name === '') return fail(E.ERANGE);
  if (length > XATTR_SIZE_MAX) return fail(E.E2BIG);
  return setXattr(place, task.creds, name, task.memory.readBytes(from, length), f) ?? 0;
}

function list(task: Task, place: VfsPath, into: UserAddr, length: number): Result {
  const names = listXattr(place, task.creds);
  if (names instanceof Failure) return names;
  const text = names.map((name) => `${name}\0`).join('');
  return give(task, bytesOf(text), into, Math.min(length, XATTR_LIST_MAX));
}

/** A length of 0 asks for the size only. */
function give(task: Task, value: Uint8Array, into: UserAddr, length: number): Result {
  if (length === 0) return value.length;
  if (value.length > length) return fail(E.ERANGE);
  task.memory.write(into, value);
  return value.length;
}
