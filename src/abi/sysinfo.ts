/** sysinfo(2). */
import { array, i64, struct, u16, u32, u64 } from './struct.js';

export const sysinfo = struct('sysinfo', {
  uptime: i64,
  /** Load averages times 2¹⁶ over 1, 5 and 15 minutes. */
  loads: array(u64, 3),
  totalram: u64,
  freeram: u64,
  sharedram: u64,
  bufferram: u64,
  totalswap: u64,
  freeswap: u64,
  procs: u16,
  pad: u16,
  totalhigh: u64,
  freehigh: u64,
  memUnit: u32,
});
