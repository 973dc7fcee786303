/**
 * Waiting for children: what wait4(2) and waitid(2) select and take; kernel/exit.c (do_wait).
 *
 * A child reports its end once (that reaps it), each stop once, each continuation once; WNOWAIT looks
 * without taking.
 */
import { E } from '../../abi/errno.js';
import { CLD, SIG } from '../../abi/signal.js';
import {
  __WALL,
  __WCLONE,
  __WNOTHREAD,
  CONTINUED_STATUS,
  statusCode,
  statusSignal,
  stoppedStatus,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WSTOPPED,
} from '../../abi/wait.js';
import { type Blocking, type Failure, fail, RESTART_IF_SA_RESTART, type Restart } from '../outcome.js';
import { heldByTracer } from '../ptrace/tracee.js';
import { changeOfTracee, isTracedByParent, traceesOf } from '../ptrace/wait-tracee.js';
import { block, IN, WOULD_BLOCK } from '../wait.js';
import type { Task } from './task.js';
import type { CpuTime, ThreadGroup } from './thread-group.js';

export type ChildSelector =
  | { readonly type: 'any' }
  | { readonly type: 'pid'; readonly pid: number }
  | { readonly type: 'processGroup'; readonly pgid: number };

export interface ChildChange {
  readonly pid: number;
  readonly uid: number;
  /** As wait4(2) gives it. */
  readonly status: number;
  /** As waitid(2) gives it: CLD_*, and the exit code or the signal. */
  readonly code: number;
  readonly siStatus: number;
  /** Of the child and those it has waited for. */
  readonly cpu: CpuTime;
  /** Bytes. */
  readonly maxResident: number;
}

/** `options` are W*: which changes count, and WNOHANG. 'none': children, but nothing of them to tell. */
export function waitForChild(
  task: Task,
  selector: ChildSelector,
  options: number,
): ChildChange | 'none' | Failure | Blocking<ChildChange | Failure | Restart> {
  const first = findChange(task, selector, options);
  return first === 'none' && !(options & WNOHANG) ? wait(task, selector, options) : first;
}

function* wait(
  task: Task,
  selector: ChildSelector,
  options: number,
): Blocking<ChildChange | Failure | Restart> {
  const r = yield* block(task.group.childQueue, IN, () => {
    const found = findChange(task, selector, options);
    return found === 'none' ? WOULD_BLOCK : found;
  });
  return r === 'interrupted' || r === 'timedOut' ? RESTART_IF_SA_RESTART : r;
}

function findChange(task: Task, selector: ChildSelector, options: number): ChildChange | 'none' | Failure {
  let any = false;
  // __WCLONE and its kin do not apply to tracees.
  for (const tracee of traceesOf(task, options & __WNOTHREAD ? 'thread' : 'group')) {
    if (!selects(selector, { pid: tracee.tid, pgid: tracee.group.pgid })) continue;
    any = true;
    const change = changeOfTracee(tracee, options);
    if (change) return change;
  }
  const parent = task.group;
  for (const child of parent.children) {
    if (!selects(selector, child) || !hasKind(child, options)) continue;
    any = true;
    const change = changeOf(child, options);
    if (change) return change;
  }
  return any ? 'none' : fail(E.ECHILD);
}

function selects(selector: ChildSelector, child: { readonly pid: number; readonly pgid: number }): boolean {
  switch (selector.type) {
    case 'any':
      return true;
    case 'pid':
      return child.pid === selector.pid;
    case 'processGroup':
      return child.pgid === selector.pgid;
  }
}

/** "Clone" children are those whose end sends another signal than SIGCHLD, or none. */
function hasKind(child: ThreadGroup, options: number): boolean {
  if (options & __WALL) return true;
  return (child.exitSignal !== SIG.CHLD) === ((options & __WCLONE) !== 0);
}

function changeOf(child: ThreadGroup, options: number): ChildChange | undefined {
  const look = (options & WNOWAIT) !== 0;
  if (child.exitStatus !== undefined) {
    // One that another process traces is that one's to wait for first.
    if (!(options & WEXITED) || heldByTracer(child.leader)) return undefined;
    const change = ended(child, child.exitStatus);
    if (!look) reap(child);
    return change;
  }
  if (options & WSTOPPED && child.stopped && !child.stopped.reported && !isTracedByParent(child)) {
    const { signo } = child.stopped;
    if (!look) child.stopped.reported = true;
    return about(child, { status: stoppedStatus(signo), code: CLD.STOPPED, siStatus: signo });
  }
  if (options & WCONTINUED && child.continued) {
    if (!look) child.continued = false;
    return about(child, { status: CONTINUED_STATUS, code: CLD.CONTINUED, siStatus: SIG.CONT });
  }
  return undefined;
}

function ended(child: ThreadGroup, status: number): ChildChange {
  const signo = statusSignal(status);
  return signo === 0
    ? about(child, { status, code: CLD.EXITED, siStatus: statusCode(status) })
    : about(child, { status, code: CLD.KILLED, siStatus: signo });
}

function about(child: ThreadGroup, what: Pick<ChildChange, 'status' | 'code' | 'siStatus'>): ChildChange {
  const own = child.cpu;
  const theirs = child.childrenCpu;
  return {
    pid: child.pid,
    uid: child.leader.creds.uid,
    ...what,
    cpu: { user: own.user + theirs.user, system: own.system + theirs.system },
    maxResident: Math.max(child.maxResident, child.childrenMaxResident),
  };
}

function reap(child: ThreadGroup): void {
  const { parent } = child;
  if (parent) {
    parent.childrenCpu.user += child.cpu.user + child.childrenCpu.user;
    parent.childrenCpu.system += child.cpu.system + child.childrenCpu.system;
    parent.childrenMaxResident = Math.max(
      parent.childrenMaxResident,
      child.maxResident,
      child.childrenMaxResident,
    );
  }
  child.leader.kernel.tasks.forget(child);
}
