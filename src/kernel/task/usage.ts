/** What getrusage(2) and wait4(2) tell of resources: those counted are CPU time and the peak of resident memory. */
import { rusage } from '../../abi/resource.js';
import type { UserAddr } from '../../base/brand.js';
import { NS_PER_SEC } from '../../base/clock.js';
import type { Task } from './task.js';
import type { CpuTime } from './thread-group.js';

export function writeUsage(task: Task, at: UserAddr, cpu: CpuTime, maxResidentBytes: number): void {
  task.memory.writeStruct(rusage, at, {
    utime: timevalOf(cpu.user),
    stime: timevalOf(cpu.system),
    maxrss: Math.floor(maxResidentBytes / 1024),
    ixrss: 0,
    idrss: 0,
    isrss: 0,
    minflt: 0,
    majflt: 0,
    nswap: 0,
    inblock: 0,
    oublock: 0,
    msgsnd: 0,
    msgrcv: 0,
    nsignals: 0,
    nvcsw: 0,
    nivcsw: 0,
  });
}

function timevalOf(ns: number): { sec: number; usec: number } {
  const sec = Math.floor(ns / NS_PER_SEC);
  return { sec, usec: Math.floor((ns - sec * NS_PER_SEC) / 1000) };
}
