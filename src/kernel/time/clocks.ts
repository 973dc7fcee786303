/**
 * The clocks of clock_gettime(2) as a task sees them. CLOCK_MONOTONIC is the kernel's own monotonic
 * clock, without an offset: deadlines of futexes, timers and sleeps compare with it directly.
 */

import { E } from '../../abi/errno.js';
import {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  CLOCK_REALTIME_COARSE,
  CLOCK_TAI,
  CLOCK_THREAD_CPUTIME_ID,
} from '../../abi/time.js';
import { NS_PER_SEC, type Timespec } from '../../base/clock.js';
import { type Failure, fail } from '../outcome.js';
import type { KernelServices } from '../services.js';
import type { Task } from '../task/task.js';
import { ThreadGroup } from '../task/thread-group.js';

export function timespecOf(ns: number): Timespec {
  const sec = Math.floor(ns / NS_PER_SEC);
  return { sec, nsec: Math.round(ns - sec * NS_PER_SEC) };
}

export function nsOf(time: Timespec): number {
  return time.sec * NS_PER_SEC + time.nsec;
}

/** timespec64_valid */
export function isValidTimespec(time: Timespec): boolean {
  return time.sec >= 0 && time.nsec >= 0 && time.nsec < NS_PER_SEC;
}

/** What the clock shows now; EINVAL when there is none with this number. */
export function readClock(task: Task, clock: number): Timespec | Failure {
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
      return task.kernel.clock.realtime();
    case CLOCK_REALTIME_COARSE:
      return task.kernel.clock.coarse('realtime');
    case CLOCK_MONOTONIC_COARSE:
      return task.kernel.clock.coarse('monotonic');
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
      return timespecOf(task.kernel.clock.monotonic());
    default: {
      const now = cpuClockReader(task, clock)?.();
      return now === undefined ? fail(E.EINVAL) : timespecOf(now);
    }
  }
}

/**
 * Reads a clock of CPU time, in nanoseconds, now and later on: undefined once what it counts is gone.
 * No reader: it is no clock of CPU time, or one of nobody.
 */
export function cpuClockReader(task: Task, clock: number): (() => number | undefined) | undefined {
  if (clock === CLOCK_PROCESS_CPUTIME_ID) return groupTime(task.group, CPUCLOCK_SCHED);
  if (clock === CLOCK_THREAD_CPUTIME_ID) return taskTime(task, CPUCLOCK_SCHED);
  const counted = ofCpuClock(task, clock);
  if (!counted) return undefined;
  return counted instanceof ThreadGroup ? groupTime(counted, clock & 3) : taskTime(counted, clock & 3);
}

/** What a CPU clock counts: PROF and SCHED all of it, VIRT what user code used. */
const CPUCLOCK_VIRT = 1;
const CPUCLOCK_SCHED = 2;

function groupTime(group: ThreadGroup, what: number): () => number | undefined {
  return () => {
    const { user, system } = group.cpuTime();
    return what === CPUCLOCK_VIRT ? user : user + system;
  };
}

function taskTime(task: Task, what: number): () => number | undefined {
  return () => {
    if (task.state.name === 'dead') return undefined;
    const { user, system } = task.cpuTime();
    return what === CPUCLOCK_VIRT ? user : user + system;
  };
}

/** Whether the clock is CLOCK_REALTIME or follows it at a distance. */
export function isWallClock(clock: number): boolean {
  return (
    clock === CLOCK_REALTIME ||
    clock === CLOCK_REALTIME_COARSE ||
    clock === CLOCK_REALTIME_ALARM ||
    clock === CLOCK_TAI
  );
}

/** The monotonic instant at which the wall or monotonic clock shows `time`. */
export function deadlineOf(kernel: KernelServices, clock: number, time: Timespec): number {
  if (!isWallClock(clock)) return nsOf(time);
  const now = kernel.clock.realtime();
  return kernel.clock.monotonic() + (time.sec - now.sec) * NS_PER_SEC + (time.nsec - now.nsec);
}

/**
 * The group or thread of a clock from clock_getcpuclockid(3): ~pid in the upper bits, then a bit for "a thread",
 * then what it counts (0–2; 3 is a clock device). Linux: CPUCLOCK_PID, include/linux/posix-timers_types.h.
 */
function ofCpuClock(task: Task, clock: number): ThreadGroup | Task | undefined {
  if (clock >= 0 || (clock & 3) === 3) return undefined;
  const pid = ~(clock >> 3);
  if (pid === 0) return clock & 4 ? task : task.group;
  const { tasks } = task.kernel;
  // A thread's clock is only for its own group.
  if ((clock & 4) === 0) return tasks.byPid(pid);
  const thread = tasks.byTid(pid);
  return thread?.group === task.group ? thread : undefined;
}
