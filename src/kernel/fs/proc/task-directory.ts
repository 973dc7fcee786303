/**
 * /proc/pid and /proc/pid/task/tid: what is known of a process or a thread, proc_pid(5). Linux:
 * fs/proc/base.c (tgid_base_stuff, tid_base_stuff).
 *
 * Entries are made when they are looked up; inode numbers are 65,536 a process plus a place in the
 * table, so that they stay the same.
 */

import { E } from '../../../abi/errno.js';
import { type Failure, fail } from '../../outcome.js';
import { SideTable } from '../../side-table.js';
import type { Task } from '../../task/task.js';
import type { Inode } from '../inode.js';
import type { VfsPath } from '../path.js';
import {
  type Content,
  Directory,
  Link,
  type NodeOptions,
  type SyntheticFs,
  Text,
} from '../synthetic/synthetic-fs.js';
import { fdDirectory, fdinfoDirectory } from './fd-directory.js';
import { MemInode } from './mem-file.js';
import { mountinfo, mounts } from './mount-texts.js';
import { netDirectory } from './net-directory.js';
import { isThere, mayInspect, memoryOf, nameFor } from './subject.js';
import { maps, smaps } from './task-maps.js';
import { stat, statm, status } from './task-status.js';
import { auxv, cmdline, environ, limits } from './task-texts.js';

type Make = (fs: SyntheticFs, task: Task, options: NodeOptions, pidIno: number) => Inode;

/**
 * `open`: anybody may read it; otherwise only who may trace the task. `books`: it tells of memory, or of who sleeps.
 */
function text(read: (task: Task) => Content, how: { mode?: number; open?: true; books?: true } = {}): Make {
  return (fs, task, options) =>
    new Text(
      fs,
      () => gone(task) ?? (how.open ? undefined : mayInspect(fs.services, task)) ?? read(task),
      undefined,
      { ...options, mode: how.mode ?? 0o444 },
      how.books && fs.services.home ? (ready) => askForBooks(task, ready) : undefined,
    );
}

/** What another shard knows of it (kernel/home) is told here first. */
function askForBooks(task: Task, ready: () => void): boolean {
  return !memoryOf(task) || task.kernel.home?.askForBooks(task.group, ready) !== false;
}

function link(place: (task: Task) => VfsPath | undefined): Make {
  return (fs, task, options) => {
    const find = (): VfsPath | Failure => {
      const refused = gone(task) ?? mayInspect(fs.services, task);
      return refused ?? (memoryOf(task) && place(task)) ?? fail(E.ENOENT);
    };
    return new Link(
      fs,
      () => {
        const found = find();
        return 'errno' in found ? found : nameFor(fs.services, found, task);
      },
      () => {
        const found = find();
        return 'errno' in found ? undefined : found;
      },
      options,
    );
  };
}

function gone(task: Task): Failure | undefined {
  return isThere(task) ? undefined : fail(E.ESRCH);
}

const adjustments = new SideTable<Task['group'], number>('oom_score_adj');

const comm: Make = (fs, task, options) =>
  new Text(
    fs,
    () => `${task.comm}\n`,
    (name) => {
      if (fs.services.tasks.current?.group !== task.group) return fail(E.EINVAL);
      task.comm = (name.endsWith('\n') ? name.slice(0, -1) : name).slice(0, 15);
      return undefined;
    },
    options,
  );

/** Nobody is killed for want of memory here; the number is kept for who asks. */
const oomScoreAdj: Make = (fs, task, options) =>
  new Text(
    fs,
    () => `${adjustments.get(task.group) ?? 0}\n`,
    (written) => {
      const value = Number(written.trim());
      if (!Number.isInteger(value) || value < -1000 || value > 1000) return fail(E.EINVAL);
      adjustments.set(task.group, value);
      return undefined;
    },
    options,
  );

/** What a process and a thread have in common. */
const COMMON: Readonly<Record<string, Make>> = {
  fd: (fs, task, options, pidIno) => fdDirectory(fs, task, pidIno, options),
  fdinfo: (fs, task, options, pidIno) => fdinfoDirectory(fs, task, pidIno, options),
  net: (fs) => netDirectory(fs),
  environ: text(environ, { mode: 0o400 }),
  auxv: text(auxv, { mode: 0o400 }),
  status: text(status, { open: true, books: true }),
  personality: text(() => '00000000\n', { mode: 0o400 }),
  limits: text(limits, { open: true }),
  comm,
  cmdline: text(cmdline, { open: true }),
  stat: text(stat, { open: true, books: true }),
  statm: text(statm, { open: true, books: true }),
  maps: text(maps, { books: true }),
  mem: (fs, task, options) => new MemInode(fs, task, options),
  smaps: text(smaps, { books: true }),
  cwd: link((task) => task.fs.cwd),
  root: link((task) => task.fs.root),
  exe: link((task) => task.mm.image.exe),
  mounts: text(mounts, { open: true }),
  mountinfo: text(mountinfo, { open: true }),
  wchan: text(() => '0', { open: true }),
  cgroup: text(() => '0::/\n', { open: true }),
  oom_score: text(() => '0\n', { open: true }),
  oom_score_adj: oomScoreAdj,
  loginuid: text(() => '4294967295', { open: true }),
  sessionid: text(() => '4294967295', { open: true }),
  uid_map: text(() => '         0          0 4294967295\n', { open: true }),
  gid_map: text(() => '         0          0 4294967295\n', { open: true }),
  setgroups: text(() => 'allow\n', { open: true }),
};

const NAMES = Object.keys(COMMON);
/** `task`, after all others. */
const TASK_INO = 0xfff;

export function pidIno(pid: number): number {
  return 0x1_0000_0000 + pid * 0x1_0000;
}

/** Whose /proc/pid an inode is: such a directory also serves as a pidfd (tgid_pidfd_to_pid). */
const processes = new WeakMap<Inode, Task>();

export function leaderOfDirectory(inode: Inode): Task | undefined {
  return processes.get(inode);
}

/** The directory of a thread; of a whole process when `task` is told to be its leader. */
export function taskDirectory(fs: SyntheticFs, task: Task, as: 'process' | 'thread'): Directory {
  const base = pidIno(task.tid) + (as === 'thread' ? 0x800 : 0);
  const owner = (): { uid: number; gid: number } => ({ uid: task.creds.euid, gid: task.creds.egid });
  const make = (name: string): Inode | undefined => {
    const entry = Object.hasOwn(COMMON, name) ? COMMON[name] : undefined;
    if (entry) return entry(fs, task, { ino: base + 1 + NAMES.indexOf(name), owner }, pidIno(task.tid));
    return name === 'task' && as === 'process' ? threadDirectory(fs, task, base, owner) : undefined;
  };
  const directory = new Directory(
    fs,
    (name) => (isThere(task) ? make(name) : undefined),
    function* () {
      if (!isThere(task)) return;
      for (const name of as === 'process' ? ['task', ...NAMES] : NAMES) {
        const inode = make(name);
        if (inode) yield [name, inode] as const;
      }
    },
    { ino: base, owner },
  );
  if (as === 'process') processes.set(directory, task);
  return directory;
}

function threadDirectory(
  fs: SyntheticFs,
  leader: Task,
  base: number,
  owner: () => { uid: number; gid: number },
): Directory {
  const { group } = leader;
  const { tasks } = fs.services;
  return new Directory(
    fs,
    (name) => {
      const task = /^[1-9][0-9]{0,9}$/.test(name) ? tasks.byTid(Number(name)) : undefined;
      return task?.group === group ? taskDirectory(fs, task, 'thread') : undefined;
    },
    function* () {
      const threads = group.tasks.size > 0 ? [...group.tasks] : [leader];
      for (const task of threads.sort((a, b) => a.tid - b.tid)) {
        yield [String(task.tid), taskDirectory(fs, task, 'thread')] as const;
      }
    },
    { ino: base + TASK_INO, owner },
  );
}
