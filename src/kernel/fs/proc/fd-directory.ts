/** /proc/pid/fd and fdinfo, proc_pid_fd(5). Linux: fs/proc/fd.c. */
import { E } from '../../../abi/errno.js';
import { O_ACCMODE, O_PATH, O_RDONLY, O_RDWR, O_WRONLY } from '../../../abi/open.js';
import { fail } from '../../outcome.js';
import type { Task } from '../../task/task.js';
import { newDentry } from '../dentry-cache.js';
import type { FileDescription } from '../file-description.js';
import type { Inode } from '../inode.js';
import type { VfsPath } from '../path.js';
import { Directory, Link, type NodeOptions, type SyntheticFs, Text } from '../synthetic/synthetic-fs.js';
import { mayInspect, memoryOf, nameFor } from './subject.js';
import { fdinfo } from './task-texts.js';

/** Inode numbers of descriptors within their process's 65,536. */
const FD_INO = 0x1000;
const FDINFO_INO = 0x8000;

export function fdDirectory(fs: SyntheticFs, task: Task, pidIno: number, options: NodeOptions): Directory {
  return perDescriptor(fs, task, { ...options, mode: 0o500 }, (fd, file) => {
    const access = file.flags & O_ACCMODE;
    const rights =
      file.flags & O_PATH
        ? 0
        : (access === O_RDONLY || access === O_RDWR ? 0o400 : 0) |
          (access === O_WRONLY || access === O_RDWR ? 0o200 : 0);
    return new Link(
      fs,
      () => mayInspect(fs.services, task) ?? describe(task, file),
      () => (mayInspect(fs.services, task) ? undefined : placeOf(file)),
      { ...options, ino: pidIno + FD_INO + (fd % 0x7000), mode: 0o100 | rights },
    );
  });
}

export function fdinfoDirectory(
  fs: SyntheticFs,
  task: Task,
  pidIno: number,
  options: NodeOptions,
): Directory {
  return perDescriptor(
    fs,
    task,
    { ...options, mode: 0o555 },
    (fd, file) =>
      new Text(fs, () => mayInspect(fs.services, task) ?? fdinfo(task, fd, file), undefined, {
        ...options,
        ino: pidIno + FDINFO_INO + (fd % 0x7000),
      }),
  );
}

function perDescriptor(
  fs: SyntheticFs,
  task: Task,
  options: NodeOptions,
  make: (fd: number, file: FileDescription) => Inode,
): Directory {
  const find = (name: string): Inode | undefined => {
    if (!/^(0|[1-9][0-9]{0,9})$/.test(name) || !memoryOf(task)) return undefined;
    const file = task.files.get(Number(name));
    return file && make(Number(name), file);
  };
  const names = function* (): Iterable<readonly [string, Inode]> {
    if (!memoryOf(task)) return;
    for (const [fd, file] of task.files.entries()) yield [String(fd), make(fd, file)];
  };
  return new Directory(fs, find, names, options);
}

function describe(task: Task, file: FileDescription): string | ReturnType<typeof fail> {
  if (!memoryOf(task)) return fail(E.ENOENT);
  const { path } = file;
  return path && !isNameless(path) ? nameFor(task.kernel, path, task) : file.linkName();
}

const places = new WeakMap<Inode, VfsPath>();

/** Where a magic link leads: the file's place, or one of its own for what has no name. */
function placeOf(file: FileDescription): VfsPath {
  if (file.path) return file.path;
  let place = places.get(file.inode);
  if (!place) {
    const dentry = newDentry(file.inode, file.linkName(), undefined);
    const mount = {
      id: 0,
      fs: file.inode.fs,
      root: dentry,
      parent: undefined,
      mountpoint: undefined,
      flags: 0,
      source: 'none',
    };
    place = { mount, dentry };
    places.set(file.inode, place);
  }
  return place;
}

function isNameless(path: VfsPath): boolean {
  return path.mount.id === 0;
}
