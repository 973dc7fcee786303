/** Whose scheduling a call changes, and whether it may: what the calls of sched(7) have in common. */
import { E } from '../../abi/errno.js';
import { RLIMIT } from '../../abi/resource.js';
import {
  SCHED_BATCH,
  SCHED_DEADLINE,
  SCHED_FIFO,
  SCHED_IDLE,
  SCHED_OTHER,
  SCHED_RR,
} from '../../abi/sched.js';
import { CAP, has } from '../auth/credentials.js';
import { type Failure, fail } from '../outcome.js';
import type { Task } from '../task/task.js';

export const MAX_RT_PRIORITY = 99;

export function targetOf(task: Task, pid: number): Task | Failure {
  if (pid < 0) return fail(E.EINVAL);
  if (pid === 0) return task;
  return task.kernel.tasks.byTid(pid) ?? fail(E.ESRCH);
}

export function isRealTime(p: number): boolean {
  return p === SCHED_FIFO || p === SCHED_RR;
}

export function isPolicy(p: number): boolean {
  return isRealTime(p) || isFair(p) || p === SCHED_DEADLINE;
}

export function isFair(p: number): boolean {
  return p === SCHED_OTHER || p === SCHED_BATCH || p === SCHED_IDLE;
}

export function mayControl(task: Task, target: Task): boolean {
  const { euid } = task.creds;
  const { creds } = target;
  return euid === creds.euid || euid === creds.uid || has(task.creds, CAP.SYS_NICE);
}

/** user_check_sched_setscheduler, kernel/sched/syscalls.c. */
export function mayNotSchedule(
  task: Task,
  target: Task,
  next: number,
  priority: number,
): Failure | undefined {
  if (has(task.creds, CAP.SYS_NICE)) return undefined;
  const limit = target.group.limits.number(RLIMIT.RTPRIO);
  const { scheduling } = target;
  if (isRealTime(next)) {
    if (next !== scheduling.policy && limit === 0) return fail(E.EPERM);
    if (priority > scheduling.priority && priority > limit) return fail(E.EPERM);
  }
  return mayControl(task, target) ? undefined : fail(E.EPERM);
}
