/**
 * Job control, signal(7) and setpgid(2): a stop signal stops every thread of a group; SIGCONT lets them
 * go on. A group has stopped when its last thread has, and then its parent is told.
 *
 * The stop of a thread is one of its stop count, beside external pauses (task/stop.ts).
 */
import { CLD, SIG } from '../../abi/signal.js';
import { requestTrap } from '../ptrace/stop.js';
import { heldByTracer } from '../ptrace/tracee.js';
import { notifyParent } from '../task/child-notice.js';
import { eventBase } from '../task/event-base.js';
import { kick } from '../task/run-queue.js';
import type { Task } from '../task/task.js';
import type { TaskSet } from '../task/task-set.js';
import type { ThreadGroup } from '../task/thread-group.js';

/** A thread took a stop signal: it and all others are to stop. */
export function startGroupStop(task: Task, signo: number): void {
  const { group } = task;
  // A stop while stopping changes nothing; a stopped group cannot take a signal.
  if (group.stopping !== undefined) return;
  group.stopping = signo;
  for (const t of group.tasks) {
    t.stopPending = true;
    kick(t);
  }
}

/** A thread comes to rest as asked; the last one completes the stop. A tracee stops for its tracer instead. */
export function joinGroupStop(task: Task): void {
  task.stopPending = false;
  if (task.tracee) {
    settleGroupStop(task.group);
    return;
  }
  task.groupStopped = true;
  task.stopCount++;
  settleGroupStop(task.group);
}

/** Also when a thread ends that others wait for in vain. */
export function settleGroupStop(group: ThreadGroup): void {
  if (group.stopping === undefined || group.tasks.size === 0) return;
  for (const t of group.tasks) if (t.stopPending) return;
  group.stopped = { signo: group.stopping, reported: false };
  group.stopping = undefined;
  group.continued = false;
  const { events } = group.leader.kernel;
  if (events.wants('groupStop')) {
    events.emit({ ...eventBase(group.leader), type: 'groupStop', signo: group.stopped.signo });
  }
  // A tracer is told of each thread's own stop.
  if (group.leader.tracee && !heldByTracer(group.leader)) return;
  notifyParent(group, CLD.STOPPED, group.stopped.signo);
}

/** SIGCONT was sent, or the group is to die. */
export function continueGroup(group: ThreadGroup): void {
  if (group.stopping === undefined && !group.stopped) return;
  const wasStopped = group.stopped;
  for (const t of group.tasks) if (t.tracee?.how === 'seized') requestTrap(t, t.tracee);
  group.stopping = undefined;
  group.stopped = undefined;
  for (const t of group.tasks) {
    t.stopPending = false;
    if (t.groupStopped) {
      t.groupStopped = false;
      t.stopCount--;
      kick(t);
    }
  }
  if (!wasStopped) return;
  group.continued = true;
  const { events } = group.leader.kernel;
  if (events.wants('groupContinue')) events.emit({ ...eventBase(group.leader), type: 'groupContinue' });
  notifyParent(group, CLD.CONTINUED, SIG.CONT);
}

/**
 * True when no process of the group has a parent in the same session but another process group: nobody
 * could ever continue it, so terminal stops are ignored there. `ending` does not count as a member.
 */
export function isOrphaned(tasks: TaskSet, pgid: number, ending?: ThreadGroup): boolean {
  for (const g of tasks.processGroup(pgid)) {
    if (g === ending || g.isZombie) continue;
    const { parent } = g;
    if (parent && parent.pgid !== pgid && parent.sid === g.sid) return false;
  }
  return true;
}

export function hasStoppedMember(tasks: TaskSet, pgid: number): boolean {
  for (const g of tasks.processGroup(pgid)) if (g.stopped) return true;
  return false;
}
