/**
 * Who traces whom, ptrace(2); kernel/ptrace.c (ptrace_link, __ptrace_unlink, exit_ptrace).
 *
 * Owner: the shard of both. A Tracee is there as long as the relation is: `task.tracee` points to it,
 * and the tracer's `tracees` has the task. A thread that ended stays in there until its tracer has
 * waited for it; so does the leader of a group that ended, unless the tracer is its parent anyway.
 */
import { PTRACE_O } from '../../abi/ptrace.js';
import { SIG } from '../../abi/signal.js';
import type { SignalInfo } from '../signal/siginfo.js';
import { notifyParentOfExit, wakeParent } from '../task/child-notice.js';
import { startGroupExit } from '../task/group-exit.js';
import { kick } from '../task/run-queue.js';
import type { Task } from '../task/task.js';

/** Where a tracee stands, and how it goes on. */
export interface TraceStop {
  readonly kind: 'syscallEntry' | 'syscallExit' | 'signal' | 'group' | 'event';
  /** What wait(2) tells: the signal, with the event in the second byte. */
  readonly code: number;
  /** PTRACE_GETSIGINFO; none in a group-stop of an attached tracee. */
  info: SignalInfo | undefined;
  /** The tracer has waited for it. */
  reported: boolean;
  /** What the tracer wants delivered; 0: nothing. */
  signal: number;
  /** Lets it go on. */
  readonly resume: () => void;
}

export class Tracee {
  /** PTRACE_O_* */
  options = 0;
  /** PTRACE_GETEVENTMSG */
  message = 0;
  stop: TraceStop | undefined;
  /** What the last resumption asked to see. */
  watch: 'nothing' | 'syscall' | 'step' = 'nothing';
  /** Is to stop when it next comes by: PTRACE_INTERRUPT, a new tracee, an attached one that had stopped. */
  trapPending = false;
  /** PTRACE_LISTEN: in a group-stop that only SIGCONT or PTRACE_INTERRUPT ends. */
  listening = false;
  /** PTRACE_EVENT_EXIT has been told of. */
  exitTold = false;

  constructor(
    readonly tracer: Task,
    readonly how: 'attached' | 'seized',
  ) {}
}

export function link(task: Task, tracer: Task, how: Tracee['how']): Tracee {
  const tracee = new Tracee(tracer, how);
  task.tracee = tracee;
  tracer.tracees ??= new Set();
  tracer.tracees.add(task);
  return tracee;
}

/** The stop that the tracer may look at: none when a kill is about to end it. */
export function standingAt(task: Task): TraceStop | undefined {
  const { tracee, group } = task;
  if (!tracee?.stop || tracee.listening) return undefined;
  const leaving = tracee.exitTold && group.exiting !== SIG.KILL;
  return task.killed && !leaving ? undefined : tracee.stop;
}

/** Ends the relation and nothing else. */
export function unlink(task: Task): void {
  task.tracee?.tracer.tracees?.delete(task);
  task.tracee = undefined;
  task.context.singleStep = false;
}

/** PTRACE_DETACH, or the tracer is gone: the task goes on by itself, or back to its group-stop. */
export function detach(task: Task, signal: number): void {
  const { tracee, group } = task;
  if (!tracee) return;
  const { stop } = tracee;
  unlink(task);
  if (stop) {
    stop.signal = signal;
    stop.resume();
  }
  if (task.state.name === 'dead') {
    settleDead(task);
    return;
  }
  if (group.stopped) {
    task.stopPending = true;
    group.stopping ??= group.stopped.signo;
    kick(task);
  }
}

/** A tracer ends: its tracees are let go, or killed. */
export function releaseTracees(tracer: Task): void {
  for (const task of [...(tracer.tracees ?? [])]) {
    const kill = ((task.tracee?.options ?? 0) & PTRACE_O.EXITKILL) !== 0;
    detach(task, 0);
    if (kill) startGroupExit(task.group, SIG.KILL);
  }
}

/** Nobody traces this dead task any more: a thread is forgotten, a whole process is its parent's to reap. */
export function settleDead(task: Task): void {
  const { group, kernel } = task;
  if (task !== group.leader) {
    kernel.tasks.removeTid(task.tid);
    return;
  }
  const { parent } = group;
  if (group.exitStatus === undefined) return;
  if (notifyParentOfExit(group, group.exitStatus)) kernel.tasks.forget(group);
  wakeParent(parent);
}

/** Whether the end of this group is its tracer's to know before its parent's (Linux: ptrace_reparented). */
export function heldByTracer({ tracee, group }: Task): boolean {
  return tracee !== undefined && tracee.tracer.group !== group.parent;
}
