/**
 * Numbers of processes, threads, process groups and sessions: getpid(2), gettid(2), setpgid(2),
 * getsid(2), setsid(2); credentials(7).
 */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { type Failure, fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { int } from './codecs.js';
import { arg, syscall } from './declare.js';

export const identityCalls = [
  syscall(NR.getpid, 'getpid', [], {}, (task) => task.group.pid),
  syscall(NR.gettid, 'gettid', [], {}, (task) => task.tid),
  syscall(NR.getppid, 'getppid', [], {}, (task) => task.group.parentPid),
  syscall(NR.getpgrp, 'getpgrp', [], {}, (task) => task.group.pgid),
  syscall(NR.getpgid, 'getpgid', [arg('pid', int)], {}, (task, pid) => {
    const group = groupOf(task, pid);
    return group ? group.pgid : fail(E.ESRCH);
  }),
  syscall(NR.getsid, 'getsid', [arg('pid', int)], {}, (task, pid) => {
    const group = groupOf(task, pid);
    return group ? group.sid : fail(E.ESRCH);
  }),
  syscall(NR.setpgid, 'setpgid', [arg('pid', int), arg('pgid', int)], {}, setPgid),
  syscall(NR.setsid, 'setsid', [], {}, setSid),
];

/** The group of any task with this number; 0 is the caller's own. */
function groupOf(task: Task, pid: number): ThreadGroup | undefined {
  if (pid === 0) return task.group;
  const { tasks } = task.kernel;
  return tasks.byPid(pid) ?? tasks.byTid(pid)?.group;
}

/** Only for the caller itself, or a child of its session that has not executed a program. */
function setPgid(task: Task, pid: number, pgid: number): Result {
  const { tasks } = task.kernel;
  const caller = task.group;
  const target = pid === 0 ? caller.pid : pid;
  const wanted = pgid === 0 ? target : pgid;
  if (wanted < 0) return fail(E.EINVAL);
  const group = tasks.byPid(target);
  if (!group) return fail(tasks.byTid(target) ? E.EINVAL : E.ESRCH);
  const refused = mayNotMove(caller, group);
  if (refused) return refused;
  if (wanted !== group.pid) {
    const inSession = [...tasks.processGroup(wanted)].some((g) => g.sid === caller.sid);
    if (!inSession) return fail(E.EPERM);
  }
  group.pgid = wanted;
  return 0;
}

function mayNotMove(caller: ThreadGroup, group: ThreadGroup): Failure | undefined {
  if (group.parent === caller) {
    if (group.sid !== caller.sid) return fail(E.EPERM);
    if (group.hasExecuted) return fail(E.EACCES);
  } else if (group !== caller) {
    return fail(E.ESRCH);
  }
  return group.sid === group.pid ? fail(E.EPERM) : undefined;
}

/** EPERM for one who leads a session or whose number is that of a process group. */
function setSid(task: Task): Result {
  const { group } = task;
  if (group.sid === group.pid) return fail(E.EPERM);
  for (const _ of task.kernel.tasks.processGroup(group.pid)) return fail(E.EPERM);
  group.sid = group.pid;
  group.pgid = group.pid;
  group.terminal = undefined;
  return group.pid;
}
