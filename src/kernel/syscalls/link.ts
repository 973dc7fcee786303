/** link(2), symlink(2), unlink(2), rename(2), readlink(2), mknod(2). */
import { E } from '../../abi/errno.js';
import { isSymlink } from '../../abi/mode.js';
import { NR } from '../../abi/numbers.js';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  atFlags,
  renameFlags,
  unlinkFlags,
} from '../../abi/open.js';
import type { UserAddr } from '../../base/brand.js';
import { bytesOf } from '../../base/bytes.js';
import { CAP, has } from '../auth/credentials.js';
import { contextOf } from '../fs/fs-context.js';
import { makeLink, makeNode, makeSymlink } from '../fs/make.js';
import { pathName } from '../fs/path-name.js';
import { removeDirectory, removeFile } from '../fs/remove.js';
import { rename as renameIn } from '../fs/rename.js';
import { walk } from '../fs/walk.js';
import { Failure, fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { dirfd, flags, int, octalMode, outBuffer, path, uint } from './codecs.js';
import { arg, syscall } from './declare.js';

const FILE = { classes: ['file'] } as const;
const BOTH = { classes: ['file', 'desc'] } as const;
const fromTo = [arg('oldpath', path), arg('newpath', path)] as const;
const fromToAt = [
  arg('olddirfd', dirfd),
  arg('oldpath', path),
  arg('newdirfd', dirfd),
  arg('newpath', path),
] as const;

export const linkCalls = [
  syscall(NR.link, 'link', fromTo, FILE, (task, from, to) => link(task, AT_FDCWD, from, AT_FDCWD, to, 0)),
  syscall(NR.linkat, 'linkat', [...fromToAt, arg('flags', flags(atFlags))], BOTH, link),
  syscall(NR.symlink, 'symlink', [arg('target', path), arg('linkpath', path)], FILE, (task, target, name) =>
    symlink(task, target, AT_FDCWD, name),
  ),
  syscall(
    NR.symlinkat,
    'symlinkat',
    [arg('target', path), arg('newdirfd', dirfd), arg('linkpath', path)],
    BOTH,
    symlink,
  ),
  syscall(
    NR.unlink,
    'unlink',
    [arg('pathname', path)],
    FILE,
    (task, name) => removeFile(contextOf(task, AT_FDCWD, name), name) ?? 0,
  ),
  syscall(
    NR.unlinkat,
    'unlinkat',
    [arg('dirfd', dirfd), arg('pathname', path), arg('flags', flags(unlinkFlags))],
    BOTH,
    (task, at, name, f) => {
      if (f & ~AT_REMOVEDIR) return fail(E.EINVAL);
      const ctx = contextOf(task, at, name);
      return (f & AT_REMOVEDIR ? removeDirectory(ctx, name) : removeFile(ctx, name)) ?? 0;
    },
  ),
  syscall(NR.rename, 'rename', fromTo, FILE, (task, from, to) =>
    rename(task, AT_FDCWD, from, AT_FDCWD, to, 0),
  ),
  syscall(NR.renameat, 'renameat', fromToAt, BOTH, (task, fromDir, from, toDir, to) =>
    rename(task, fromDir, from, toDir, to, 0),
  ),
  syscall(NR.renameat2, 'renameat2', [...fromToAt, arg('flags', flags(renameFlags))], BOTH, rename),
  syscall(
    NR.readlink,
    'readlink',
    [arg('path', path), arg('buf', outBuffer('bufsiz')), arg('bufsiz', int)],
    FILE,
    (task, name, into, count) => readlink(task, AT_FDCWD, name, into, count),
  ),
  syscall(
    NR.readlinkat,
    'readlinkat',
    [arg('dirfd', dirfd), arg('path', path), arg('buf', outBuffer('bufsiz')), arg('bufsiz', int)],
    BOTH,
    readlink,
  ),
  syscall(
    NR.mknod,
    'mknod',
    [arg('pathname', path), arg('mode', octalMode), arg('dev', uint)],
    FILE,
    (task, name, mode, dev) => mknod(task, AT_FDCWD, name, mode, dev),
  ),
  syscall(
    NR.mknodat,
    'mknodat',
    [arg('dirfd', dirfd), arg('pathname', path), arg('mode', octalMode), arg('dev', uint)],
    BOTH,
    mknod,
  ),
];

function link(task: Task, fromDir: number, from: string, toDir: number, to: string, f: number): Result {
  if (f & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return fail(E.EINVAL);
  const empty = from === '' && (f & AT_EMPTY_PATH) !== 0;
  // The name of a file that was never one's to find: only who may search everything links by descriptor.
  if (empty && !has(task.creds, CAP.DAC_READ_SEARCH)) return fail(E.ENOENT);
  const source = walk(contextOf(task, fromDir, from), from, {
    followLast: (f & AT_SYMLINK_FOLLOW) !== 0,
    allowEmpty: empty,
  });
  if (source instanceof Failure) return source;
  const made = makeLink(contextOf(task, toDir, to), source, to);
  return made instanceof Failure ? made : 0;
}

function symlink(task: Task, target: string, at: number, name: string): Result {
  const made = makeSymlink(contextOf(task, at, name), target, name);
  return made instanceof Failure ? made : 0;
}

function rename(task: Task, fromDir: number, from: string, toDir: number, to: string, f: number): Result {
  return renameIn(contextOf(task, fromDir, from), from, contextOf(task, toDir, to), to, f) ?? 0;
}

function mknod(task: Task, at: number, name: string, mode: number, dev: number): Result {
  const made = makeNode(contextOf(task, at, name), name, mode, dev);
  return made instanceof Failure ? made : 0;
}

function readlink(task: Task, at: number, name: string, into: UserAddr, count: number): Result {
  if (count <= 0) return fail(E.EINVAL);
  // An empty path reads the symlink that an O_PATH descriptor holds.
  const empty = name === '' && at !== AT_FDCWD;
  const place = walk(contextOf(task, at, name), name, { followLast: false, allowEmpty: empty });
  if (place instanceof Failure) return place;
  const { inode } = place.dentry;
  if (!isSymlink(inode.mode)) return fail(empty ? E.ENOENT : E.EINVAL);
  const magic = inode.followMagic();
  const text = inode.readlink();
  const target = text instanceof Failure && magic ? pathName(magic, task.fs.root) : text;
  if (target instanceof Failure) return target;
  const bytes = bytesOf(target).subarray(0, count);
  task.memory.write(into, bytes);
  return bytes.length;
}
