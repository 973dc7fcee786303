/**
 * What guests have written to files that outlive the kernel is written back before it is saved, as fsync(2)
 * does: a saved kernel must not remember what a crash of the host has lost. A failure names the file.
 */
import { E, errnoName } from '../../abi/errno.js';
import { S_IFMT, S_IFREG } from '../../abi/mode.js';
import { O_ACCMODE, O_RDONLY } from '../../abi/open.js';
import { toUnicode } from '../../base/bytes.js';
import type { FileDescription } from '../fs/file-description.js';
import type { MountNamespace } from '../fs/mounts.js';
import { pathName } from '../fs/path-name.js';
import type { TaskSet } from '../task/task-set.js';
import { CannotSave } from './graph.js';

export function writeBack(tasks: TaskSet, mounts: MountNamespace): void {
  mounts.sync();
  for (const file of openFiles(tasks)) {
    if (!keepsWrites(file) || file.vanished) continue;
    const failed = file.fsync();
    // EINVAL: it is of a kind that has nothing to write back.
    if (!failed || failed.errno === E.EINVAL) continue;
    const name = file.path ? toUnicode(pathName(file.path, mounts.root)) : 'a file without a name';
    throw new CannotSave(`${name} cannot be written back (${errnoName(failed.errno)})`);
  }
}

function openFiles(tasks: TaskSet): Set<FileDescription> {
  const files = new Set<FileDescription>();
  for (const task of tasks.all()) {
    if (task.state.name === 'dead') continue;
    for (const [, file] of task.files.entries()) files.add(file);
  }
  return files;
}

function keepsWrites(file: FileDescription): boolean {
  return (file.inode.mode & S_IFMT) === S_IFREG && (file.flags & O_ACCMODE) !== O_RDONLY;
}
