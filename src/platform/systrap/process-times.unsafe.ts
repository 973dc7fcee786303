/**
 * What a stub process has used, as the host accounts it: CPU time, resident memory. CPU clocks cost half a
 * microsecond where /proc costs fifty, and every exit asks.
 */
import { readFileSync } from 'node:fs';
import { syscall } from '../host/libc.unsafe.js';
import { scratch } from '../host/scratch.unsafe.js';
import type { Usage } from '../platform.js';

const PAGE = 4096;
const NS_PER_SEC = 1_000_000_000;
/** USER_HZ is 100. */
const NS_PER_TICK = 10_000_000;
const SYS_CLOCK_GETTIME = 228;
/** User time; user and system time. */
const CPUCLOCK_VIRT = 1;
const CPUCLOCK_SCHED = 2;

export interface CpuTimes {
  /** Nanoseconds. */
  readonly user: number;
  readonly system: number;
}

export function processTimes(pid: number): CpuTimes {
  const total = cpuClock(pid, CPUCLOCK_SCHED);
  // The user clock counts in ticks and may be ahead of the exact sum.
  const user = Math.min(total, cpuClock(pid, CPUCLOCK_VIRT));
  return { user, system: total - user };
}

/** Of a process that nobody can ask itself now. */
export function processUsage(pid: number): Usage {
  return { ...processTimes(pid), peakResidentBytes: peakResidentBytes(pid) };
}

/** `exact` is what the thread's own CPU clock says, 0 where nobody could ask it. */
export function threadTimes(pid: number, tid: number, exact: number): CpuTimes {
  return split(ticksOf(`${pid}/task/${tid}`), exact);
}

export function residentBytes(pid: number): number {
  return Number(read(`${pid}/statm`)?.split(' ')[1] ?? 0) * PAGE;
}

export function peakResidentBytes(pid: number): number {
  return Number(/^VmHWM:\s*(\d+)/m.exec(read(`${pid}/status`) ?? '')?.[1] ?? 0) * 1024;
}

function split(ticks: CpuTimes, exact: number): CpuTimes {
  const sum = ticks.user + ticks.system;
  if (exact === 0) return ticks;
  const user = sum === 0 ? exact : Math.round((exact * ticks.user) / sum);
  return { user, system: exact - user };
}

function ticksOf(place: string): CpuTimes {
  const stat = read(`${place}/stat`);
  if (stat === undefined) return { user: 0, system: 0 };
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { user: Number(fields[11]) * NS_PER_TICK, system: Number(fields[12]) * NS_PER_TICK };
}

/** Of a process that may be gone already. */
function read(file: string): string | undefined {
  try {
    return readFileSync(`/proc/${file}`, 'latin1');
  } catch {
    return undefined;
  }
}

/** A CPU clock of another process, clock_getcpuclockid(3): MAKE_PROCESS_CPUCLOCK(pid, which). */
function cpuClock(pid: number, which: number): number {
  const s = scratch();
  if (syscall(SYS_CLOCK_GETTIME, (~pid << 3) | which, s.address) !== 0) return 0;
  return s.view.getUint32(0, true) * NS_PER_SEC + s.view.getUint32(8, true);
}
