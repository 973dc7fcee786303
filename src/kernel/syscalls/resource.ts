/** getrlimit(2), setrlimit(2), prlimit64(2), getrusage(2), times(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import {
  RLIMIT,
  RLIMIT_COUNT,
  RUSAGE_CHILDREN,
  RUSAGE_SELF,
  RUSAGE_THREAD,
  rlimit64,
  rusage,
  rusageWhos,
} from '../../abi/resource.js';
import { tms } from '../../abi/time.js';
import type { UserAddr } from '../../base/brand.js';
import { NS_PER_SEC } from '../../base/clock.js';
import { CAP, has } from '../auth/credentials.js';
import { type Failure, fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import type { CpuTime } from '../task/thread-group.js';
import { writeUsage } from '../task/usage.js';
import { watchCpuLimit } from '../time/cpu-timer.js';
import { choice, int, structAt, structOut } from './codecs.js';
import { arg, syscall } from './declare.js';

const resource = choice(RLIMIT, 'RLIMIT_');

export const resourceCalls = [
  syscall(
    NR.getrlimit,
    'getrlimit',
    [arg('resource', resource), arg('rlim', structOut(rlimit64))],
    {},
    (task, which, at) => (isResource(which) ? writeLimit(task, task, which, at) : fail(E.EINVAL)),
  ),
  syscall(
    NR.setrlimit,
    'setrlimit',
    [arg('resource', resource), arg('rlim', structAt(rlimit64))],
    {},
    (task, which, at) => changeLimit(task, task, which, at) ?? 0,
  ),
  syscall(
    NR.prlimit64,
    'prlimit64',
    [
      arg('pid', int),
      arg('resource', resource),
      arg('new_limit', structAt(rlimit64)),
      arg('old_limit', structOut(rlimit64)),
    ],
    {},
    prlimit,
  ),
  syscall(
    NR.getrusage,
    'getrusage',
    [arg('who', choice(rusageWhos)), arg('usage', structOut(rusage))],
    { support: 'partial', note: 'CPU time and the largest resident size' },
    getRusage,
  ),
  syscall(NR.times, 'times', [arg('buf', structOut(tms))], {}, times),
];

function isResource(which: number): boolean {
  return which >= 0 && which < RLIMIT_COUNT;
}

function prlimit(task: Task, pid: number, which: number, newAt: UserAddr, oldAt: UserAddr): Result {
  if (!isResource(which)) return fail(E.EINVAL);
  const next = newAt === 0 ? undefined : task.memory.readStruct(rlimit64, newAt);
  const target = pid === 0 ? task : task.kernel.tasks.byTid(pid);
  if (!target) return fail(E.ESRCH);
  if (!mayChange(task, target)) return fail(E.EPERM);
  const { limits } = target.group;
  const { soft, hard } = limits.get(which);
  if (next) {
    const refused = limits.change(which, { soft: next.cur, hard: next.max }, task.creds);
    if (refused) return refused;
    if (which === RLIMIT.CPU) watchCpuLimit(task.kernel, target.group);
  }
  if (oldAt !== 0) task.memory.writeStruct(rlimit64, oldAt, { cur: soft, max: hard });
  return 0;
}

/** check_prlimit_permission: all ids of the target are the caller's, or CAP_SYS_RESOURCE. */
function mayChange(task: Task, target: Task): boolean {
  if (target.group === task.group) return true;
  const { creds } = task;
  const { uid, euid, suid, gid, egid, sgid } = target.creds;
  const sameUser = [uid, euid, suid].every((i) => i === creds.uid);
  return (sameUser && [gid, egid, sgid].every((i) => i === creds.gid)) || has(creds, CAP.SYS_RESOURCE);
}

function writeLimit(task: Task, of: Task, which: number, at: UserAddr): number {
  const { soft, hard } = of.group.limits.get(which);
  task.memory.writeStruct(rlimit64, at, { cur: soft, max: hard });
  return 0;
}

function changeLimit(task: Task, of: Task, which: number, at: UserAddr): Failure | undefined {
  const { cur, max } = task.memory.readStruct(rlimit64, at);
  const refused = of.group.limits.change(which, { soft: cur, hard: max }, task.creds);
  if (!refused && which === RLIMIT.CPU) watchCpuLimit(task.kernel, of.group);
  return refused;
}

function getRusage(task: Task, who: number, at: UserAddr): Result {
  const cpu = cpuTimeOf(task, who);
  if (!cpu) return fail(E.EINVAL);
  const { group } = task;
  const resident =
    who === RUSAGE_CHILDREN
      ? group.childrenMaxResident
      : Math.max(group.maxResident, task.context.addressSpace.usage().peakResidentBytes);
  writeUsage(task, at, cpu, resident);
  return 0;
}

function cpuTimeOf(task: Task, who: number): CpuTime | undefined {
  switch (who) {
    case RUSAGE_SELF:
      return task.group.cpuTime();
    case RUSAGE_THREAD:
      return task.cpuTime();
    case RUSAGE_CHILDREN:
      return task.group.childrenCpu;
    default:
      return undefined;
  }
}

/** The result is the ticks since boot. */
function times(task: Task, at: UserAddr): Result {
  const { clock, machine } = task.kernel;
  const ticks = (ns: number): number => Math.floor((ns * machine.ticksPerSecond) / NS_PER_SEC);
  if (at !== 0) {
    const own = task.group.cpuTime();
    const { childrenCpu } = task.group;
    task.memory.writeStruct(tms, at, {
      utime: ticks(own.user),
      stime: ticks(own.system),
      cutime: ticks(childrenCpu.user),
      cstime: ticks(childrenCpu.system),
    });
  }
  return ticks(clock.monotonic());
}
