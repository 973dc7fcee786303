/** sched_setscheduler(2), sched_setattr(2): policies and structs. clone(2)'s flags are in clone.ts. */
import { i32, struct, u32, u64 } from './struct.js';

export const SCHED_OTHER = 0;
export const SCHED_FIFO = 1;
export const SCHED_RR = 2;
export const SCHED_BATCH = 3;
export const SCHED_IDLE = 5;
export const SCHED_DEADLINE = 6;
/** sched_attr's flags. */
export const SCHED_FLAG_RESET_ON_FORK = 1;
export const SCHED_FLAG_KEEP_POLICY = 8;
export const SCHED_FLAG_KEEP_PARAMS = 16;
export const SCHED_RESET_ON_FORK = 0x4000_0000;
export const schedPolicies = {
  SCHED_OTHER,
  SCHED_FIFO,
  SCHED_RR,
  SCHED_BATCH,
  SCHED_IDLE,
  SCHED_DEADLINE,
} as const;

export const schedParam = struct('sched_param', { priority: i32 });
/** struct sched_attr, first published size (SCHED_ATTR_SIZE_VER0) and the one with clamps. */
export const schedAttr = struct('sched_attr', {
  size: u32,
  policy: u32,
  flags: u64,
  nice: i32,
  priority: u32,
  runtime: u64,
  deadline: u64,
  period: u64,
  utilMin: u32,
  utilMax: u32,
});
export const SCHED_ATTR_SIZE_VER0 = 48;
