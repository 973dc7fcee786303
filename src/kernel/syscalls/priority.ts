/** getpriority(2), setpriority(2), ioprio_get(2), ioprio_set(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { PRIO_PGRP, PRIO_PROCESS, PRIO_USER, priorityWhiches, RLIMIT } from '../../abi/resource.js';
import { CAP, has } from '../auth/credentials.js';
import { Failure, fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { choice, int } from './codecs.js';
import { arg, syscall } from './declare.js';

const MIN_NICE = -20;
const MAX_NICE = 19;
const IOPRIO_CLASS_RT = 1;
const IOPRIO_CLASS_IDLE = 3;
const IOPRIO_CLASS_SHIFT = 13;
const KEPT = { support: 'partial', note: 'kept and answered, but the host schedules as it likes' } as const;

const ioprioWhiches = { IOPRIO_WHO_PROCESS: 1, IOPRIO_WHO_PGRP: 2, IOPRIO_WHO_USER: 3 } as const;

export const priorityCalls = [
  syscall(
    NR.getpriority,
    'getpriority',
    [arg('which', choice(priorityWhiches)), arg('who', int)],
    {},
    (task, which, who) => {
      const targets = targetsOf(task, which, who);
      // The system call answers 20 - nice, so that no result is negative.
      return targets instanceof Failure ? targets : 20 - Math.min(...targets.map((t) => t.scheduling.nice));
    },
  ),
  syscall(
    NR.setpriority,
    'setpriority',
    [arg('which', choice(priorityWhiches)), arg('who', int), arg('prio', int)],
    KEPT,
    (task, which, who, prio) => {
      const targets = targetsOf(task, which, who);
      if (targets instanceof Failure) return targets;
      return setNice(task, targets, Math.min(MAX_NICE, Math.max(MIN_NICE, prio)));
    },
  ),
  syscall(
    NR.ioprio_get,
    'ioprio_get',
    [arg('which', choice(ioprioWhiches)), arg('who', int)],
    {},
    (task, which, who) => {
      const targets = targetsOf(task, which - 1, who);
      return targets instanceof Failure ? targets : Math.max(...targets.map((t) => t.scheduling.ioPriority));
    },
  ),
  syscall(
    NR.ioprio_set,
    'ioprio_set',
    [arg('which', choice(ioprioWhiches)), arg('who', int), arg('ioprio', int)],
    KEPT,
    setIoPriority,
  ),
];

/** Never empty. `which` counts as PRIO_* does. */
function targetsOf(task: Task, which: number, who: number): Task[] | Failure {
  const all = [...task.kernel.tasks.all()];
  let found: Task[];
  switch (which) {
    case PRIO_PROCESS:
      found = who === 0 ? [task] : all.filter((t) => t.tid === who);
      break;
    case PRIO_PGRP: {
      const pgid = who === 0 ? task.group.pgid : who;
      found = all.filter((t) => t.group.pgid === pgid);
      break;
    }
    case PRIO_USER: {
      const uid = who === 0 ? task.creds.uid : who;
      found = all.filter((t) => t.creds.uid === uid);
      break;
    }
    default:
      return fail(E.EINVAL);
  }
  return found.length === 0 ? fail(E.ESRCH) : found;
}

function setNice(task: Task, targets: readonly Task[], nice: number): Result {
  let failure: Failure | undefined;
  for (const target of targets) {
    const refused = mayNotSetNice(task, target, nice);
    if (refused) failure = refused;
    else target.scheduling.nice = nice;
  }
  return failure ?? 0;
}

function mayNotSetNice(task: Task, target: Task, nice: number): Failure | undefined {
  if (has(task.creds, CAP.SYS_NICE)) return undefined;
  const { euid } = task.creds;
  if (target.creds.uid !== euid && target.creds.euid !== euid) return fail(E.EPERM);
  const limit = target.group.limits.number(RLIMIT.NICE);
  return nice < target.scheduling.nice && 20 - nice > limit ? fail(E.EACCES) : undefined;
}

function setIoPriority(task: Task, which: number, who: number, priority: number): Result {
  const ioClass = priority >> IOPRIO_CLASS_SHIFT;
  if (ioClass < 0 || ioClass > IOPRIO_CLASS_IDLE) return fail(E.EINVAL);
  if (ioClass === IOPRIO_CLASS_RT && !has(task.creds, CAP.SYS_NICE)) return fail(E.EPERM);
  const targets = targetsOf(task, which - 1, who);
  if (targets instanceof Failure) return targets;
  for (const t of targets) {
    const { euid, uid } = task.creds;
    if (t.creds.uid !== euid && t.creds.uid !== uid && !has(task.creds, CAP.SYS_NICE)) return fail(E.EPERM);
    t.scheduling.ioPriority = priority;
  }
  return 0;
}
