/**
 * Sending signals, and the mask that decides who takes them; kernel/signal.c (send_signal_locked,
 * complete_signal). Whether the sender may send is the system call's question.
 *
 * Everything here only marks tasks and kicks them; they see the signal when they next pass attend
 * (task/run.ts).
 */
import { RLIMIT } from '../../abi/resource.js';
import { SIG, SIG_DFL, SIGRTMIN } from '../../abi/signal.js';
import { eventBase } from '../task/event-base.js';
import { startGroupExit } from '../task/group-exit.js';
import { kick } from '../task/run-queue.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { IN } from '../wait.js';
import { defaultAction } from './actions.js';
import { continueGroup } from './job-control.js';
import { maskHas, maskWithout, type SignalMask } from './mask.js';
import type { PendingSignals } from './pending.js';
import { type SignalInfo, signalFields } from './siginfo.js';

/** To one task (tgkill, faults). False when its real-time queue is full. */
export function sendToTask(task: Task, info: SignalInfo): boolean {
  if (task.state.name === 'dead') return true;
  return send(task.group, task.pending, task, info);
}

/** To a thread group (kill): whichever thread does not block it. False when the queue is full. */
export function sendToGroup(group: ThreadGroup, info: SignalInfo): boolean {
  if (group.isZombie) return true;
  return send(group, group.pending, undefined, info);
}

function send(group: ThreadGroup, queue: PendingSignals, only: Task | undefined, info: SignalInfo): boolean {
  const { signo } = info;
  if (group.exiting !== undefined) return true;
  if (group.awayOn !== undefined) {
    group.leader.kernel.home?.signal(group, only, info);
    return true;
  }
  const target = only ?? group.leader;
  const { events } = target.kernel;
  if (events.wants('signalSent')) {
    const to = only ? 'task' : 'group';
    events.emit({ ...eventBase(target), type: 'signalSent', ...signalFields(info), to });
  }
  if (signo === SIG.KILL && !passesInitBy(group, info)) {
    startGroupExit(group, SIG.KILL);
    return true;
  }
  // A stop and a continue undo each other even when they are ignored or blocked.
  if (signo === SIG.CONT) {
    for (const s of [SIG.STOP, SIG.TSTP, SIG.TTIN, SIG.TTOU]) forgetPending(group, s);
    continueGroup(group);
  } else if (defaultAction(signo) === 'stop') {
    forgetPending(group, SIG.CONT);
  }
  if (ignoredOnArrival(group, only, info)) return true;
  if (!queue.add(info, queue.count + roomFor(group, signo))) return false;
  const taker = only ? (takes(only, signo) ? only : undefined) : chooseTask(group, signo);
  if (taker) kick(taker);
  group.signalQueue.notify(IN);
  return true;
}

/** RLIMIT_SIGPENDING: how many more signals may wait for the user of this group, wherever they wait. */
function roomFor(group: ThreadGroup, signo: number): number {
  const limit = group.limits.number(RLIMIT.SIGPENDING);
  // Standard signals are never lost for want of room, so nobody needs to count.
  if (signo < SIGRTMIN || limit === Number.POSITIVE_INFINITY) return limit;
  const { creds, kernel } = group.leader;
  let queued = 0;
  for (const g of kernel.tasks.groups()) {
    if (g.leader.creds.uid !== creds.uid) continue;
    queued += g.pending.count;
    for (const task of g.tasks) queued += task.pending.count;
  }
  return limit - queued;
}

/** What a thread blocks is kept even when it is ignored now: the action may change before it is let through. */
function ignoredOnArrival(group: ThreadGroup, only: Task | undefined, info: SignalInfo): boolean {
  const { signo } = info;
  if (!group.actions.ignores(signo) && !passesInitBy(group, info)) return false;
  const task = only ?? group.leader;
  // A tracer hears of ignored ones too.
  if (task.tracee) return false;
  return !maskHas(task.realMask ?? task.mask, signo) && !maskHas(task.mask, signo);
}

/** Process 1 does not hear of what it has no handler for; SIGKILL and SIGSTOP of the kernel and the embedder it does. */
function passesInitBy({ unkillable, actions }: ThreadGroup, info: SignalInfo): boolean {
  if (!unkillable || actions.get(info.signo).handler !== SIG_DFL) return false;
  return !(isKernelOnly(info.signo) && info.kind === 'kill' && info.pid === 0);
}

/** sig_kernel_only: no handler can have them. */
export function isKernelOnly(signo: number): boolean {
  return signo === SIG.KILL || signo === SIG.STOP;
}

function takes(task: Task, signo: number): boolean {
  return !maskHas(task.mask, signo) && !task.killed && task.state.name !== 'dead';
}

/** The leader when it will do, else a thread with nothing else to see to, else any that takes it. */
function chooseTask(group: ThreadGroup, signo: number): Task | undefined {
  const { leader } = group;
  if (takes(leader, signo) && !leader.attention) return leader;
  let busy: Task | undefined = takes(leader, signo) ? leader : undefined;
  for (const task of group.tasks) {
    if (!takes(task, signo)) continue;
    if (!task.attention) return task;
    busy ??= task;
  }
  return busy;
}

/** A signal that cannot wait: a fault of the task itself. Blocked or ignored, it kills (force_sig_info). */
export function forceSignal(task: Task, info: SignalInfo): void {
  const { group } = task;
  const { signo } = info;
  const blocked = maskHas(task.mask, signo);
  if (blocked || group.actions.ignores(signo)) group.actions.reset(signo);
  if (blocked) task.mask = maskWithout(task.mask, signo);
  if (group.actions.get(signo).handler === SIG_DFL && !task.tracee) group.unkillable = false;
  sendToTask(task, info);
}

/** SIGSEGV because a signal could not be delivered; when it was SIGSEGV itself, its handler is gone. */
export function forceSegv(task: Task, failed: number, info: SignalInfo): void {
  if (failed === SIG.SEGV) task.group.actions.reset(SIG.SEGV);
  forceSignal(task, info);
}

/** Changes the signal mask; SIGKILL and SIGSTOP cannot be blocked. */
export function setMask(task: Task, mask: SignalMask): void {
  task.mask = maskWithout(maskWithout(mask, SIG.KILL), SIG.STOP);
  if (hasDeliverable(task)) task.attention = true;
  const { group } = task;
  if (group.pending.empty || group.tasks.size === 1) return;
  // What this thread now blocks may have been meant for it: let another one look.
  for (const other of group.tasks) {
    if (other !== task && !other.attention && group.pending.anyBeyond(other.mask)) kick(other);
  }
}

/** As sigsuspend, ppoll and epoll_pwait do it: holds until the call is over or a handler has run. */
export function setTemporaryMask(task: Task, mask: SignalMask): void {
  task.savedMask ??= task.mask;
  setMask(task, mask);
}

export function restoreMask(task: Task): void {
  const saved = task.savedMask;
  if (!saved) return;
  task.savedMask = undefined;
  setMask(task, saved);
}

export function hasDeliverable(task: Task): boolean {
  return task.pending.anyBeyond(task.mask) || task.group.pending.anyBeyond(task.mask);
}

/** The next signal to deliver, the task's own before the group's. */
export function takeSignal(task: Task, blocked: SignalMask = task.mask): SignalInfo | undefined {
  const info = task.pending.take(blocked) ?? task.group.pending.take(blocked);
  return info?.kind === 'timer' && info.timer ? info.timer.taken(info, info.setting) : info;
}

/** Drops what is queued of a signal, everywhere in the group (it is ignored from now on, or undone). */
export function forgetPending(group: ThreadGroup, signo: number): void {
  group.pending.remove(signo);
  for (const task of group.tasks) task.pending.remove(signo);
}
