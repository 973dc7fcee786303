/** sysinfo(2). */
import { NR } from '../../abi/numbers.js';
import { sysinfo } from '../../abi/sysinfo.js';
import { NS_PER_SEC } from '../../base/clock.js';
import type { KernelServices } from '../services.js';
import { structOut } from './codecs.js';
import { arg, syscall } from './declare.js';

export const sysinfoCalls = [
  syscall(
    NR.sysinfo,
    'sysinfo',
    [arg('info', structOut(sysinfo))],
    { support: 'partial', note: 'no load averages, swap, buffers or shared memory: they are 0' },
    (task, at) => {
      const { clock, machine, tasks } = task.kernel;
      task.memory.writeStruct(sysinfo, at, {
        uptime: Math.ceil(clock.monotonic() / NS_PER_SEC),
        loads: [0, 0, 0],
        totalram: machine.memoryBytes,
        freeram: Math.max(0, machine.memoryBytes - residentBytes(task.kernel)),
        sharedram: 0,
        bufferram: 0,
        totalswap: 0,
        freeswap: 0,
        procs: Math.min(tasks.size, 0xffff),
        pad: 0,
        totalhigh: 0,
        freehigh: 0,
        memUnit: 1,
      });
      return 0;
    },
  ),
];

/** What all address spaces hold now. */
function residentBytes(kernel: KernelServices): number {
  const spaces = new Set([...kernel.tasks.all()].map((t) => t.context.addressSpace));
  let total = 0;
  for (const space of spaces) total += space.residentBytes();
  return total;
}
