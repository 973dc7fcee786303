/** Time as programs pass it: clock_gettime(2), gettimeofday(2), timer_settime(2), times(2), adjtimex(2). */
import { i32, i64, struct } from './struct.js';

/** Field names are C's without the tv_ prefix, so that a decoded value is a base Timespec. */
export const timespec = struct('timespec', { sec: i64, nsec: i64 });
export const timeval = struct('timeval', { sec: i64, usec: i64 });
export const itimerspec = struct('itimerspec', { interval: timespec, value: timespec });
export const itimerval = struct('itimerval', { interval: timeval, value: timeval });
export const timezone = struct('timezone', { minuteswest: i32, dsttime: i32 });
export const tms = struct('tms', { utime: i64, stime: i64, cutime: i64, cstime: i64 });
/** utime(2) */
export const utimbuf = struct('utimbuf', { actime: i64, modtime: i64 });

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_PROCESS_CPUTIME_ID = 2;
export const CLOCK_THREAD_CPUTIME_ID = 3;
export const CLOCK_MONOTONIC_RAW = 4;
export const CLOCK_REALTIME_COARSE = 5;
export const CLOCK_MONOTONIC_COARSE = 6;
export const CLOCK_BOOTTIME = 7;
export const CLOCK_REALTIME_ALARM = 8;
export const CLOCK_BOOTTIME_ALARM = 9;
export const CLOCK_TAI = 11;
/** Coarse clocks move with the timer tick of a kernel with HZ=250. */
export const COARSE_RESOLUTION_NS = 4_000_000;
export const clockIds = {
  CLOCK_REALTIME,
  CLOCK_MONOTONIC,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_THREAD_CPUTIME_ID,
  CLOCK_MONOTONIC_RAW,
  CLOCK_REALTIME_COARSE,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_BOOTTIME,
  CLOCK_REALTIME_ALARM,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_TAI,
} as const;

export const TIMER_ABSTIME = 1;
export const timerFlags = { TIMER_ABSTIME } as const;

export const ITIMER_REAL = 0;
export const ITIMER_VIRTUAL = 1;
export const ITIMER_PROF = 2;
export const itimers = { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF } as const;

/** utimensat(2) */
export const UTIME_NOW = 0x3fff_ffff;
export const UTIME_OMIT = 0x3fff_fffe;
