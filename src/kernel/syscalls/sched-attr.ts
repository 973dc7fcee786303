/** sched_setattr(2), sched_getattr(2). As the others of sched(7): kept and answered. */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { RLIMIT } from '../../abi/resource.js';
import {
  SCHED_ATTR_SIZE_VER0,
  SCHED_FLAG_KEEP_PARAMS,
  SCHED_FLAG_KEEP_POLICY,
  SCHED_FLAG_RESET_ON_FORK,
  schedAttr,
} from '../../abi/sched.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { CAP, has } from '../auth/credentials.js';
import { PAGE_SIZE } from '../mm/user-memory.js';
import { Failure, fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, int, uint } from './codecs.js';
import { arg, syscall } from './declare.js';
import { isFair, isRealTime, MAX_RT_PRIORITY, mayNotSchedule, targetOf } from './sched-target.js';

const KNOWN_FLAGS = SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_KEEP_POLICY | SCHED_FLAG_KEEP_PARAMS;

export const schedAttrCalls = [
  syscall(
    NR.sched_setattr,
    'sched_setattr',
    [arg('pid', int), arg('attr', addr), arg('flags', uint)],
    { support: 'partial', note: 'kept and answered; no SCHED_DEADLINE, no utilization clamps: EINVAL' },
    setAttr,
  ),
  syscall(
    NR.sched_getattr,
    'sched_getattr',
    [arg('pid', int), arg('attr', addr), arg('size', uint), arg('flags', uint)],
    {},
    getAttr,
  ),
];

function setAttr(task: Task, pid: number, at: UserAddr, flags: number): Result {
  if (at === 0 || pid < 0 || flags !== 0) return fail(E.EINVAL);
  const attr = readAttr(task, at);
  if (attr instanceof Failure) return attr;
  const target = targetOf(task, pid);
  if (target instanceof Failure) return target;
  const { scheduling } = target;
  if (attr.flags & ~KNOWN_FLAGS) return fail(E.EINVAL);
  const policy = attr.flags & SCHED_FLAG_KEEP_POLICY ? scheduling.policy : attr.policy;
  if (!isRealTime(policy) && !isFair(policy)) return fail(E.EINVAL);
  const keeps = (attr.flags & SCHED_FLAG_KEEP_PARAMS) !== 0;
  const priority = keeps ? scheduling.priority : attr.priority;
  const nice = keeps || !isFair(policy) ? scheduling.nice : Math.max(-20, Math.min(19, attr.nice));
  if (isRealTime(policy) ? priority < 1 || priority > MAX_RT_PRIORITY : priority !== 0) return fail(E.EINVAL);
  const refused = mayNotSchedule(task, target, policy, priority);
  if (refused) return refused;
  if (nice < scheduling.nice && 20 - nice > target.group.limits.number(RLIMIT.NICE)) {
    if (!has(task.creds, CAP.SYS_NICE)) return fail(E.EPERM);
  }
  scheduling.policy = policy;
  scheduling.priority = priority;
  scheduling.nice = nice;
  scheduling.resetOnFork = (attr.flags & SCHED_FLAG_RESET_ON_FORK) !== 0;
  return 0;
}

/** sched_copy_attr: sizes other than ours are fine as long as nothing is asked for that we do not know. */
function readAttr(task: Task, at: UserAddr): ReturnType<typeof schedAttr.decode> | Failure {
  const given = task.memory.readU32(at);
  const size = given === 0 ? SCHED_ATTR_SIZE_VER0 : given;
  const tooBig = (): Failure => {
    task.memory.writeU32(at, schedAttr.size);
    return fail(E.E2BIG);
  };
  if (size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE) return tooBig();
  const bytes = task.memory.readBytes(at, size);
  if (bytes.subarray(schedAttr.size).some((byte) => byte !== 0)) return tooBig();
  const known = new Uint8Array(schedAttr.size);
  known.set(bytes.subarray(0, schedAttr.size));
  return schedAttr.decode(known);
}

function getAttr(task: Task, pid: number, at: UserAddr, size: number, flags: number): Result {
  if (at === 0 || pid < 0 || size > PAGE_SIZE || size < SCHED_ATTR_SIZE_VER0 || flags !== 0)
    return fail(E.EINVAL);
  const target = targetOf(task, pid);
  if (target instanceof Failure) return target;
  const { policy, priority, nice, resetOnFork } = target.scheduling;
  const length = Math.min(size, schedAttr.size);
  const image = schedAttr.encode({
    size: length,
    policy,
    flags: resetOnFork ? SCHED_FLAG_RESET_ON_FORK : 0,
    nice: isFair(policy) ? nice : 0,
    priority,
    runtime: 0,
    deadline: 0,
    period: 0,
    utilMin: 0,
    utilMax: 1024,
  });
  task.memory.write(userAddr(at), image.subarray(0, length));
  return 0;
}
