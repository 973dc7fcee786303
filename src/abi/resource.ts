/** getrlimit(2), prlimit64(2), getrusage(2): resources and structs. */
import { i64, struct, u64big } from './struct.js';
import { timeval } from './time.js';

export const RLIMIT = {
  CPU: 0,
  FSIZE: 1,
  DATA: 2,
  STACK: 3,
  CORE: 4,
  RSS: 5,
  NPROC: 6,
  NOFILE: 7,
  MEMLOCK: 8,
  AS: 9,
  LOCKS: 10,
  SIGPENDING: 11,
  MSGQUEUE: 12,
  NICE: 13,
  RTPRIO: 14,
  RTTIME: 15,
} as const;
export type Resource = (typeof RLIMIT)[keyof typeof RLIMIT];
export const RLIMIT_COUNT = 16;

export const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

/** struct rlimit64, on x86-64 also struct rlimit; field names are C's without rlim_. */
export const rlimit64 = struct('rlimit64', { cur: u64big, max: u64big });

export const RUSAGE_SELF = 0;
export const RUSAGE_CHILDREN = -1;
export const RUSAGE_THREAD = 1;
export const rusageWhos = { RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD } as const;

/** struct rusage; field names are C's without ru_. */
export const rusage = struct('rusage', {
  utime: timeval,
  stime: timeval,
  maxrss: i64,
  ixrss: i64,
  idrss: i64,
  isrss: i64,
  minflt: i64,
  majflt: i64,
  nswap: i64,
  inblock: i64,
  oublock: i64,
  msgsnd: i64,
  msgrcv: i64,
  nsignals: i64,
  nvcsw: i64,
  nivcsw: i64,
});

/** getpriority(2) */
export const PRIO_PROCESS = 0;
export const PRIO_PGRP = 1;
export const PRIO_USER = 2;
export const priorityWhiches = { PRIO_PROCESS, PRIO_PGRP, PRIO_USER } as const;
