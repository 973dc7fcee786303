/** execve(2), execveat(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../../abi/open.js';
import { type Fd, type UserAddr, userAddr } from '../../base/brand.js';
import { contextOf } from '../fs/fs-context.js';
import type { VfsPath } from '../fs/path.js';
import { walk } from '../fs/walk.js';
import { AwayFdTable } from '../home/away-fd-table.js';
import { PageCopies } from '../mm/page-copies.js';
import { Failure, fail, type Result, SyscallError } from '../outcome.js';
import { execute } from '../task/exec.js';
import type { Task } from '../task/task.js';
import { dirfd, environment, flags, path, stringVector } from './codecs.js';
import { arg, syscall } from './declare.js';

export const execCalls = [
  syscall(
    NR.execve,
    'execve',
    [arg('pathname', path), arg('argv', stringVector), arg('envp', environment)],
    { classes: ['file', 'process'], note: 'no file has capabilities of its own' },
    (task, filename, argv, envp) => {
      if (filename === '') return fail(E.ENOENT);
      return execute(task, {
        ctx: contextOf(task, AT_FDCWD, filename),
        filename,
        ...vectors(task, argv, envp),
      });
    },
  ),
  syscall(
    NR.execveat,
    'execveat',
    [
      arg('dirfd', dirfd),
      arg('pathname', path),
      arg('argv', stringVector),
      arg('envp', environment),
      arg('flags', flags({ AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH })),
    ],
    { classes: ['file', 'process'], note: 'no file has capabilities of its own' },
    execveat,
  ),
];

function execveat(
  task: Task,
  directory: Fd,
  pathname: string,
  argv: UserAddr,
  envp: UserAddr,
  bits: number,
): Result {
  if (bits & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return fail(E.EINVAL);
  if (pathname === '' && !(bits & AT_EMPTY_PATH)) return fail(E.ENOENT);
  const strings = vectors(task, argv, envp);
  const followLast = !(bits & AT_SYMLINK_NOFOLLOW);
  const place =
    pathname === '' ? placeOf(task, directory) : placeBelow(task, directory, pathname, followLast);
  if (place instanceof Failure) return place;
  const filename = nameFrom(directory, pathname);
  return execute(task, { ctx: contextOf(task), filename, place, ...strings });
}

function placeBelow(task: Task, directory: Fd, path: string, followLast: boolean): VfsPath | Failure {
  const { files } = task;
  // Paths are walked where the files are (home/).
  if (files instanceof AwayFdTable) return files.programBelow(directory, path, followLast);
  return walk(contextOf(task, directory, path), path, { followLast });
}

/** An open file to execute; one that has no place in a file system cannot be. */
function placeOf(task: Task, fd: Fd): VfsPath | Failure {
  if (fd === AT_FDCWD) return task.fs.cwd;
  return task.files.requireAny(fd).path ?? fail(E.EACCES);
}

/** How a program that was found from a descriptor is called: what a script's interpreter is to open. */
function nameFrom(directory: Fd, pathname: string): string {
  if (directory === AT_FDCWD || pathname.startsWith('/')) return pathname;
  return pathname === '' ? `/dev/fd/${directory}` : `/dev/fd/${directory}/${pathname}`;
}

/** MAX_ARG_STRLEN; and no more than Linux ever takes in. What the caller may have, the loader says. */
const MAX_STRING = 131_072;
const MOST_TOTAL = 6 << 20;
const POINTER_SIZE = 8;

function vectors(task: Task, argvAt: UserAddr, envpAt: UserAddr): { argv: string[]; envp: string[] } {
  const pages = new PageCopies(task.memory);
  const room = { left: MOST_TOTAL };
  const argv = readVector(pages, argvAt, room);
  const envp = readVector(pages, envpAt, room);
  return { argv, envp };
}

/** NULL is an empty vector, as Linux has it. */
function readVector(pages: PageCopies, at: UserAddr, room: { left: number }): string[] {
  const strings: string[] = [];
  if (at === 0) return strings;
  for (let next = at as number; ; next += POINTER_SIZE) {
    const pointer = pages.readU64(userAddr(next));
    if (pointer === 0) return strings;
    const text = pages.readString(userAddr(pointer), MAX_STRING - 1);
    if (text === undefined) throw new SyscallError(E.E2BIG);
    room.left -= text.length + 1 + POINTER_SIZE;
    if (room.left < 0) throw new SyscallError(E.E2BIG);
    strings.push(text);
  }
}
