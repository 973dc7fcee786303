/**
 * The end of tasks and of thread groups: exit(2), exit_group(2), kernel/exit.c.
 *
 * exitTask is called with the task's guest stopped (or gone with its host process), once. It lets go of
 * everything the task holds; the last one of a group makes the group a zombie, hands its children to
 * their next parent and tells its own. Nothing here may fail half way: an address space that is broken
 * by then is passed over.
 */
import { CLD, SIG } from '../../abi/signal.js';
import { statusCode } from '../../abi/wait.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { leaderEnded } from '../fs/tty/controlling.js';
import { wakeRobustFutexes } from '../futex/robust.js';
import { SyscallError } from '../outcome.js';
import { tellTracer } from '../ptrace/stop.js';
import { heldByTracer, releaseTracees, unlink } from '../ptrace/tracee.js';
import { hasStoppedMember, isOrphaned, settleGroupStop } from '../signal/job-control.js';
import { sendToGroup } from '../signal/send.js';
import { kernelSignal } from '../signal/siginfo.js';
import { cancelCpuTimers } from '../time/cpu-timer.js';
import { IN } from '../wait.js';
import { notifyParentOfExit, wakeParent } from './child-notice.js';
import { eventBase } from './event-base.js';
import { DEAD } from './state.js';
import { atRest } from './stop.js';
import type { Task } from './task.js';
import { logOf } from './task-log.js';
import type { TaskSet } from './task-set.js';
import type { ThreadGroup } from './thread-group.js';

/** Ends a task. Its status is the group's when that ends as a whole, else what exit(2) said. */
export function exitTask(task: Task): void {
  if (task.state.name === 'dead') return;
  const { group, kernel } = task;
  const status = group.exiting ?? task.exitStatus ?? SIG.KILL;
  task.state = DEAD;
  task.exitStatus = status;
  task.killed = true;
  const { events } = kernel;
  if (group.awayOn === undefined && events.wants('taskExit')) {
    events.emit({ ...eventBase(task), type: 'taskExit', exitStatus: status });
  }

  const last = group.tasks.size === 1;
  attempt(task, () => tellOthersInMemory(task));
  attempt(task, () => kernel.tasks.piLocks.ownerDied(task));
  attempt(task, () => accountCpu(task, { last }));
  releaseHolds(task);
  group.tasks.delete(task);
  if (task.tracees) releaseTracees(task);
  if (task !== group.leader) endThread(task);
  tellChildrenOfDeath(task);
  settleGroupStop(group);
  atRest(task);
  group.taskGone.notify(IN);
  const ofGroup = group.exiting ?? group.leader.exitStatus ?? status;
  kernel.away?.taskEnded(task, last ? ofGroup : status, { last });
  if (last) endGroup(group, ofGroup);
}

/** Robust futexes and clear_child_tid: those who share the memory learn of the end there. */
export function tellOthersInMemory(task: Task): void {
  if (task.robustList !== 0) wakeRobustFutexes(task);
  const addr = task.clearChildTid;
  if (addr === 0) return;
  task.clearChildTid = userAddr(0);
  clearTid(task, addr);
}

const ZERO_WORD = new Uint8Array(4);

function clearTid(task: Task, addr: UserAddr): void {
  if (!task.mm.shared) return;
  task.memory.tryWrite(addr, ZERO_WORD);
  task.kernel.tasks.futexes.wake(task.kernel.tasks.futexes.keyOf(task.mm, addr, 'shared'), 1);
}

/** Asking the host costs a call: only when the address space goes with this task. */
function accountCpu(task: Task, { last }: { last: boolean }): void {
  if (!last) return;
  accountSpace(task);
}

/** What is known of an address space that the last task of its group leaves. */
export function accountSpace({ group, mm, context }: Task): void {
  const usage = mm.shared ? { ...context.cpuTime(), peakResidentBytes: 0 } : mm.space.usage();
  group.cpu.user += usage.user;
  group.cpu.system += usage.system;
  group.maxResident = Math.max(group.maxResident, usage.peakResidentBytes);
}

function releaseHolds(task: Task): void {
  task.context.owner = undefined;
  attempt(task, () => task.context.release());
  attempt(task, () => task.mm.release());
  attempt(task, () => task.files.release());
  attempt(task, () => task.fs.release());
  const done = task.vforkDone;
  task.vforkDone = undefined;
  done?.();
}

/** The kernel ends under a task: what it holds is given back, and nobody hears of it. */
export function abandonTask(task: Task): void {
  if (task.state.name === 'dead') return;
  attempt(task, () => task.mm.release());
  attempt(task, () => task.files.release());
  attempt(task, () => task.fs.release());
}

/** One step of an end; a failing one does not keep the others from being done. */
function attempt(task: Task, step: () => void): void {
  try {
    step();
  } catch (e) {
    if (e instanceof SyscallError) return;
    logOf(task).warn({ why: String(e) }, 'while a task ended');
  }
}

/** prctl(PR_SET_PDEATHSIG): "parent" is the thread that forked. */
function tellChildrenOfDeath(task: Task): void {
  for (const child of task.group.children) {
    if (child.creator !== task) continue;
    child.creator = undefined;
    for (const t of child.tasks) {
      if (t.parentDeathSignal !== 0) sendToGroup(child, kernelSignal(t.parentDeathSignal));
    }
  }
}

/** A traced thread keeps its number until its tracer has waited for it. */
function endThread(task: Task): void {
  const { tracee, kernel } = task;
  if (tracee) tellTracer(tracee, task, CLD.EXITED, statusCode(task.exitStatus ?? 0));
  else kernel.tasks.removeTid(task.tid);
}

function endGroup(group: ThreadGroup, status: number): void {
  const { leader } = group;
  const { tasks } = leader.kernel;
  if (group === tasks.init) killAll(tasks);
  group.realTimer?.cancel();
  group.realTimer = undefined;
  group.timers.clear();
  cancelCpuTimers(group);
  group.stopped = undefined;
  group.stopping = undefined;
  leaderEnded(tasks, group);
  const adopter = nextParent(tasks, group);
  for (const child of [...group.children]) reparent(tasks, child, adopter);
  hangUpOrphans(tasks, group);
  group.exitStatus = status;
  const { events } = leader.kernel;
  if (group.awayOn === undefined && events.wants('processExit')) {
    const ppid = group.parentPid;
    events.emit({ ...eventBase(leader), type: 'processExit', exitStatus: status, ppid });
  }
  const { parent } = group;
  const { tracee } = leader;
  if (tracee && heldByTracer(leader)) {
    // Its tracer is told first; wait-tracee.ts hands it on.
    tellTracer(tracee, leader, CLD.EXITED, statusCode(status));
    for (const tell of group.onExit.splice(0)) tell(status);
    return;
  }
  if (tracee) unlink(leader);
  if (notifyParentOfExit(group, status)) tasks.forget(group);
  wakeParent(parent);
  for (const tell of group.onExit.splice(0)) tell(status);
}

/** The nearest ancestor that wants orphans (PR_SET_CHILD_SUBREAPER); else process 1, or the kernel. */
function nextParent({ init }: TaskSet, group: ThreadGroup): ThreadGroup | undefined {
  for (let g = group.parent; g; g = g.parent) if (g.isSubreaper && g.exiting === undefined) return g;
  return init !== group && init?.exiting === undefined ? init : undefined;
}

/** The end of process 1 is everybody's, kernel/pid_namespace.c (zap_pid_ns_processes). */
export function killAll(tasks: TaskSet): void {
  tasks.closed = true;
  for (const group of tasks.groups()) {
    if (group !== tasks.init) sendToGroup(group, kernelSignal(SIG.KILL));
  }
}

function reparent(tasks: TaskSet, child: ThreadGroup, adopter: ThreadGroup | undefined): void {
  const before = child.parent;
  before?.children.delete(child);
  child.parent = adopter;
  adopter?.children.add(child);
  child.exitSignal = SIG.CHLD;
  if (child.exitStatus !== undefined) {
    if (heldByTracer(child.leader)) return;
    if (notifyParentOfExit(child, child.exitStatus)) tasks.forget(child);
    wakeParent(adopter);
    return;
  }
  // It may have been what tied its process group to its session.
  if (before && before.sid === child.sid && before.pgid !== child.pgid) hangUp(tasks, child.pgid, undefined);
}

/** The end of `group` may leave its own process group orphaned. */
function hangUpOrphans(tasks: TaskSet, group: ThreadGroup): void {
  const { parent } = group;
  if (parent && parent.pgid !== group.pgid && parent.sid === group.sid) hangUp(tasks, group.pgid, group);
}

/** setpgid(2): stopped members of a newly orphaned process group get SIGHUP and SIGCONT. */
function hangUp(tasks: TaskSet, pgid: number, ending: ThreadGroup | undefined): void {
  if (!isOrphaned(tasks, pgid, ending) || !hasStoppedMember(tasks, pgid)) return;
  for (const member of [...tasks.processGroup(pgid)]) {
    sendToGroup(member, kernelSignal(SIG.HUP));
    sendToGroup(member, kernelSignal(SIG.CONT));
  }
}
