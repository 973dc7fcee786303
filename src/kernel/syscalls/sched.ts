/**
 * sched_setaffinity(2), sched_setscheduler(2), sched_setattr(2), sched_yield(2), getcpu(2). What is
 * set is kept and answered; the host's scheduler is not told.
 */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import {
  SCHED_BATCH,
  SCHED_OTHER,
  SCHED_RESET_ON_FORK,
  SCHED_RR,
  schedParam,
  schedPolicies,
} from '../../abi/sched.js';
import { timespec } from '../../abi/time.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { Failure, fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, choice, choiceWithFlags, int, intOut, structAt, structOut, uint } from './codecs.js';
import { arg, syscall } from './declare.js';
import { schedAttrCalls } from './sched-attr.js';
import {
  isFair,
  isPolicy,
  isRealTime,
  MAX_RT_PRIORITY,
  mayControl,
  mayNotSchedule,
  targetOf,
} from './sched-target.js';

const KEPT = { support: 'partial', note: 'kept and answered, but the host schedules as it likes' } as const;
const ROUND_ROBIN_NS = 100_000_000;
const FAIR_SLICE_NS = 4_000_000;

const policy = choiceWithFlags(schedPolicies, ~SCHED_RESET_ON_FORK, { SCHED_RESET_ON_FORK });

export const schedCalls = [
  syscall(NR.sched_yield, 'sched_yield', [], {}, () => 0),
  syscall(
    NR.sched_getaffinity,
    'sched_getaffinity',
    [arg('pid', int), arg('cpusetsize', uint), arg('mask', addr)],
    {},
    getAffinity,
  ),
  syscall(
    NR.sched_setaffinity,
    'sched_setaffinity',
    [arg('pid', int), arg('cpusetsize', uint), arg('mask', addr)],
    KEPT,
    setAffinity,
  ),
  syscall(
    NR.getcpu,
    'getcpu',
    [arg('cpu', intOut), arg('node', intOut), arg('tcache', addr)],
    { support: 'partial', note: 'names a CPU that the task may use; it may run on another one' },
    getCpu,
  ),
  syscall(
    NR.sched_setscheduler,
    'sched_setscheduler',
    [arg('pid', int), arg('policy', policy), arg('param', structAt(schedParam))],
    KEPT,
    (task, pid, p, at) => ((p | 0) < 0 ? fail(E.EINVAL) : setScheduler(task, pid, p, at)),
  ),
  syscall(
    NR.sched_setparam,
    'sched_setparam',
    [arg('pid', int), arg('param', structAt(schedParam))],
    KEPT,
    (task, pid, at) => setScheduler(task, pid, undefined, at),
  ),
  syscall(NR.sched_getscheduler, 'sched_getscheduler', [arg('pid', int)], {}, (task, pid) => {
    const target = targetOf(task, pid);
    if (target instanceof Failure) return target;
    const { scheduling } = target;
    return scheduling.policy | (scheduling.resetOnFork ? SCHED_RESET_ON_FORK : 0);
  }),
  syscall(
    NR.sched_getparam,
    'sched_getparam',
    [arg('pid', int), arg('param', structOut(schedParam))],
    {},
    (task, pid, at) => {
      const target = at === 0 ? fail(E.EINVAL) : targetOf(task, pid);
      if (target instanceof Failure) return target;
      task.memory.writeStruct(schedParam, at, { priority: target.scheduling.priority });
      return 0;
    },
  ),
  syscall(
    NR.sched_get_priority_max,
    'sched_get_priority_max',
    [arg('policy', choice(schedPolicies))],
    {},
    (_task, p) => (!isPolicy(p) ? fail(E.EINVAL) : isRealTime(p) ? MAX_RT_PRIORITY : 0),
  ),
  syscall(
    NR.sched_get_priority_min,
    'sched_get_priority_min',
    [arg('policy', choice(schedPolicies))],
    {},
    (_task, p) => (!isPolicy(p) ? fail(E.EINVAL) : isRealTime(p) ? 1 : 0),
  ),
  syscall(
    NR.sched_rr_get_interval,
    'sched_rr_get_interval',
    [arg('pid', int), arg('tp', structOut(timespec))],
    {},
    (task, pid, at) => {
      const target = targetOf(task, pid);
      if (target instanceof Failure) return target;
      task.memory.writeStruct(timespec, at, { sec: 0, nsec: sliceOf(target.scheduling.policy) });
      return 0;
    },
  ),
  ...schedAttrCalls,
];

function sliceOf(p: number): number {
  if (p === SCHED_RR) return ROUND_ROBIN_NS;
  return p === SCHED_OTHER || p === SCHED_BATCH ? FAIR_SLICE_NS : 0;
}

/** Bytes of a CPU mask: whole longs. */
function maskBytes(task: Task): number {
  return Math.ceil(task.kernel.machine.cores / 64) * 8;
}

function allCpus(task: Task): bigint {
  return (1n << BigInt(task.kernel.machine.cores)) - 1n;
}

/** Answers how many bytes it wrote. */
function getAffinity(task: Task, pid: number, length: number, at: UserAddr): Result {
  if (length * 8 < task.kernel.machine.cores || length % 8 !== 0) return fail(E.EINVAL);
  const target = pid < 0 ? fail(E.ESRCH) : targetOf(task, pid);
  if (target instanceof Failure) return target;
  const bytes = new Uint8Array(Math.min(length, maskBytes(task)));
  let mask = target.scheduling.affinity ?? allCpus(task);
  for (let i = 0; i < bytes.length; i++, mask >>= 8n) bytes[i] = Number(mask & 0xffn);
  task.memory.write(at, bytes);
  return bytes.length;
}

function setAffinity(task: Task, pid: number, length: number, at: UserAddr): Result {
  const bytes = task.memory.readBytes(at, Math.min(length, maskBytes(task)));
  let mask = 0n;
  for (const [i, b] of bytes.entries()) mask |= BigInt(b) << BigInt(8 * i);
  const target = pid < 0 ? fail(E.ESRCH) : targetOf(task, pid);
  if (target instanceof Failure) return target;
  if (!mayControl(task, target)) return fail(E.EPERM);
  mask &= allCpus(task);
  if (mask === 0n) return fail(E.EINVAL);
  target.scheduling.affinity = mask;
  return 0;
}

/** Tasks are spread over the CPUs they may use, by number. */
function getCpu(task: Task, cpuAt: UserAddr, nodeAt: UserAddr): Result {
  const mask = task.scheduling.affinity ?? allCpus(task);
  const cpus: number[] = [];
  for (let cpu = 0; cpu < task.kernel.machine.cores; cpu++) {
    if ((mask >> BigInt(cpu)) & 1n) cpus.push(cpu);
  }
  if (cpuAt !== 0) task.memory.writeU32(cpuAt, cpus[task.tid % cpus.length] ?? 0);
  if (nodeAt !== 0) task.memory.writeU32(userAddr(nodeAt), 0);
  return 0;
}

/** `requested` undefined: sched_setparam, which keeps the policy. */
function setScheduler(task: Task, pid: number, requested: number | undefined, at: UserAddr): Result {
  if (at === 0 || pid < 0) return fail(E.EINVAL);
  const { priority } = task.memory.readStruct(schedParam, at);
  const target = targetOf(task, pid);
  if (target instanceof Failure) return target;
  const { scheduling } = target;
  const next = requested === undefined ? scheduling.policy : requested & ~SCHED_RESET_ON_FORK;
  // SCHED_DEADLINE needs sched_setattr, which does not give it either.
  if (!isRealTime(next) && !isFair(next)) return fail(E.EINVAL);
  if (isRealTime(next) ? priority < 1 || priority > MAX_RT_PRIORITY : priority !== 0) return fail(E.EINVAL);
  const refused = mayNotSchedule(task, target, next, priority);
  if (refused) return refused;
  scheduling.policy = next;
  scheduling.priority = priority;
  if (requested !== undefined) scheduling.resetOnFork = (requested & SCHED_RESET_ON_FORK) !== 0;
  return 0;
}
