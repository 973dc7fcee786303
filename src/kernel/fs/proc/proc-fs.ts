/**
 * /proc, proc(5): processes and facts of the machine, as text. "self" is whoever works right now
 * (TaskSet.current).
 */
import { E } from '../../../abi/errno.js';
import { FS_MAGIC } from '../../../abi/stat.js';
import { fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import type { FileSystem, Inode } from '../inode.js';
import { Directory, Link, SyntheticFs, Text } from '../synthetic/synthetic-fs.js';
import { sysctlDirectory } from './sysctl.js';
import { cpuinfo, FILESYSTEMS, loadavg, meminfo, stat, uptime, version } from './system-texts.js';
import { taskDirectory } from './task-directory.js';

export function newProcFs(services: KernelServices): FileSystem {
  return new SyntheticFs(services, { type: 'proc', magic: FS_MAGIC.PROC, fileSize: 0 }, newRoot);
}

function newRoot(fs: SyntheticFs): Inode {
  const { services } = fs;
  const { tasks } = services;
  const text = (read: (services: KernelServices) => string): Text => new Text(fs, () => read(services));
  const fixed = new Map<string, Inode>([
    ['cmdline', text(() => 'troupe\n')],
    ['cpuinfo', text(cpuinfo)],
    ['filesystems', text(() => FILESYSTEMS)],
    ['loadavg', text(loadavg)],
    ['meminfo', text(meminfo)],
    ['modules', text(() => '')],
    ['mounts', new Link(fs, () => 'self/mounts')],
    ['net', new Link(fs, () => 'self/net')],
    ['self', new Link(fs, () => (tasks.current ? String(tasks.current.group.pid) : fail(E.ENOENT)))],
    ['stat', text(stat)],
    ['swaps', text(() => 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n')],
    ['sys', sysctlDirectory(fs)],
    [
      'thread-self',
      new Link(fs, () => {
        const task = tasks.current;
        return task ? `${task.group.pid}/task/${task.tid}` : fail(E.ENOENT);
      }),
    ],
    ['uptime', text(uptime)],
    ['version', text(version)],
  ]);
  const process = (pid: number): Inode | undefined => {
    const group = tasks.byPid(pid);
    if (group) return taskDirectory(fs, group.leader, 'process');
    // A thread's number works too, though it is not listed.
    const task = tasks.byTid(pid);
    return task && taskDirectory(fs, task, 'process');
  };
  const find = (name: string): Inode | undefined =>
    fixed.get(name) ?? (/^[1-9][0-9]{0,9}$/.test(name) ? process(Number(name)) : undefined);
  const names = function* (): Iterable<readonly [string, Inode]> {
    yield* fixed;
    const pids = [...tasks.groups()].map((group) => group.pid as number).sort((a, b) => a - b);
    for (const pid of pids) {
      const inode = process(pid);
      if (inode) yield [String(pid), inode];
    }
  };
  return new Directory(fs, find, names, { ino: 1 });
}
