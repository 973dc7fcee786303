/** What wait(2) tells a tracer of its tracees; kernel/exit.c (ptrace_do_wait, wait_task_stopped). */
import { CLD } from '../../abi/signal.js';
import { statusCode, statusSignal, stoppedStatus, WEXITED, WNOWAIT } from '../../abi/wait.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { settleDead, standingAt, unlink } from './tracee.js';

export interface TraceeChange {
  readonly pid: number;
  readonly uid: number;
  readonly status: number;
  readonly code: number;
  readonly siStatus: number;
  readonly cpu: { readonly user: number; readonly system: number };
  readonly maxResident: number;
}

/** Tracees of any thread of the group, or of this one alone. */
export function* traceesOf(task: Task, whose: 'group' | 'thread'): Iterable<Task> {
  if (whose === 'thread') yield* task.tracees ?? [];
  else for (const t of task.group.tasks) yield* t.tracees ?? [];
}

export function changeOfTracee(task: Task, options: number): TraceeChange | undefined {
  const { tracee } = task;
  if (!tracee) return undefined;
  const look = (options & WNOWAIT) !== 0;
  if (task.state.name === 'dead') return options & WEXITED ? endOf(task, look) : undefined;
  const stop = standingAt(task);
  if (!stop || stop.reported) return undefined;
  if (!look) stop.reported = true;
  const { code } = stop;
  return about(task, { status: stoppedStatus(code), code: CLD.TRAPPED, siStatus: code });
}

/** A leader is not reported before its whole group has ended. */
function endOf(task: Task, look: boolean): TraceeChange | undefined {
  const { group } = task;
  const status = task === group.leader ? group.exitStatus : task.exitStatus;
  if (status === undefined) return undefined;
  const signo = statusSignal(status);
  const change = about(task, {
    status,
    code: signo === 0 ? CLD.EXITED : CLD.KILLED,
    siStatus: signo === 0 ? statusCode(status) : signo,
  });
  if (!look) {
    unlink(task);
    settleDead(task);
  }
  return change;
}

function about(task: Task, what: Pick<TraceeChange, 'status' | 'code' | 'siStatus'>): TraceeChange {
  const { user, system } = task.group.cpu;
  return { pid: task.tid, uid: task.creds.uid, ...what, cpu: { user, system }, maxResident: 0 };
}

/** Whether the leader of this child is traced by the group that is its parent. */
export function isTracedByParent(child: ThreadGroup): boolean {
  const tracer = child.leader.tracee?.tracer;
  return tracer !== undefined && tracer.group === child.parent;
}
