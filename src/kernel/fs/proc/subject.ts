/** Of whom a directory of /proc tells, and to whom: ptrace(2)'s access check, proc(5). */
import { E } from '../../../abi/errno.js';
import type { Credentials } from '../../auth/credentials.js';
import { CAP, has } from '../../auth/credentials.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import { type Failure, fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import type { Task } from '../../task/task.js';
import type { VfsPath } from '../path.js';
import { pathName } from '../path-name.js';

/** Whether the task is still there, be it as a zombie. */
export function isThere(task: Task): boolean {
  const { tasks } = task.kernel;
  return tasks.byTid(task.tid) === task;
}

/** Its memory; undefined once it is a zombie. */
export function memoryOf(task: Task): MemoryManager | undefined {
  return task.state.name === 'dead' || task.group.isZombie ? undefined : task.mm;
}

/** Linux's ptrace_may_access(PTRACE_MODE_READ_FSCREDS) for the task that asks. */
export function mayInspect(services: KernelServices, task: Task): Failure | undefined {
  const asker = services.tasks.current;
  if (!asker || asker.group === task.group) return undefined;
  const a: Credentials = asker.creds;
  const t: Credentials = task.creds;
  const same =
    [t.uid, t.euid, t.suid].every((uid) => uid === a.fsuid) &&
    [t.gid, t.egid, t.sgid].every((gid) => gid === a.fsgid);
  return same || has(a, CAP.SYS_PTRACE) ? undefined : fail(E.EACCES);
}

/** The name of a place as whoever reads /proc sees it. */
export function nameFor(services: KernelServices, place: VfsPath, subject: Task): string {
  return pathName(place, (services.tasks.current ?? subject).fs.root);
}
