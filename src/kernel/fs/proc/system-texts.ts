/** What /proc says of the whole machine: proc_stat(5), proc_meminfo(5), proc_cpuinfo(5), proc_uptime(5). */
import { later } from '../../../base/clock.js';
import type { KernelServices } from '../../services.js';
import type { Task } from '../../task/task.js';
import { memoryOf } from './subject.js';

/** One block a processor, each with its own numbers. */
export function cpuinfo({ machine }: KernelServices): string {
  const own = (cpu: number): Readonly<Record<string, number>> => ({
    processor: cpu,
    'physical id': 0,
    siblings: machine.cores,
    'core id': cpu,
    'cpu cores': machine.cores,
    apicid: cpu,
    'initial apicid': cpu,
  });
  const lines = machine.cpuinfo.trimEnd().split('\n');
  let text = '';
  for (let cpu = 0; cpu < machine.cores; cpu++) {
    const numbers = own(cpu);
    for (const line of lines) {
      const [, key = '', gap = ''] = /^([^\t:]+)(\t*): /.exec(line) ?? [];
      text += Object.hasOwn(numbers, key) ? `${key}${gap}: ${numbers[key]}\n` : `${line}\n`;
    }
    text += '\n';
  }
  return text;
}

export function meminfo(services: KernelServices): string {
  const total = services.machine.memoryBytes;
  let used = 0;
  const spaces = new Set<Task['mm']>();
  for (const task of services.tasks.all()) {
    const mm = memoryOf(task);
    if (mm) spaces.add(mm);
  }
  for (const mm of spaces) used += mm.space.residentBytes();
  const free = Math.max(0, total - used);
  const rows: readonly (readonly [string, number])[] = [
    ['MemTotal', total],
    ['MemFree', free],
    ['MemAvailable', free],
    ['Buffers', 0],
    ['Cached', 0],
    ['SwapCached', 0],
    ['Active', Math.min(used, total)],
    ['Inactive', 0],
    ['Active(anon)', Math.min(used, total)],
    ['Inactive(anon)', 0],
    ['Active(file)', 0],
    ['Inactive(file)', 0],
    ['Unevictable', 0],
    ['Mlocked', 0],
    ['SwapTotal', 0],
    ['SwapFree', 0],
    ['Dirty', 0],
    ['Writeback', 0],
    ['AnonPages', Math.min(used, total)],
    ['Mapped', 0],
    ['Shmem', 0],
    ['CommitLimit', total],
    ['Committed_AS', used],
    ['VmallocTotal', 34_359_738_367 * 1024],
    ['VmallocUsed', 0],
  ];
  let text = '';
  for (const [name, bytes] of rows) {
    text += `${`${name}:`.padEnd(16)}${String(Math.floor(bytes / 1024)).padStart(8)} kB\n`;
  }
  return `${text}HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\nHugepagesize:       2048 kB\nHugetlb:               0 kB\n`;
}

function cpuUsed({ tasks }: KernelServices): { user: number; system: number } {
  const sum = { user: 0, system: 0 };
  for (const group of tasks.groups()) {
    if (group.isZombie) continue;
    const { user, system } = group.cpuTime();
    sum.user += user + group.childrenCpu.user;
    sum.system += system + group.childrenCpu.system;
  }
  return sum;
}

export function stat(services: KernelServices): string {
  const { machine, clock, tasks } = services;
  const up = clock.monotonic();
  const ticks = (ns: number): number => Math.floor((ns / 1e9) * machine.ticksPerSecond);
  const used = cpuUsed(services);
  const row = (name: string, cpus: number, share: number): string => {
    const idle = Math.max(0, up * cpus - (used.user + used.system) * share);
    return `${name} ${ticks(used.user * share)} 0 ${ticks(used.system * share)} ${ticks(idle)} 0 0 0 0 0 0\n`;
  };
  let text = row('cpu ', machine.cores, 1);
  // Which processor a guest ran on is the host's affair: an even share each.
  for (let cpu = 0; cpu < machine.cores; cpu++) text += row(`cpu${cpu}`, 1, 1 / machine.cores);
  const booted = later(clock.realtime(), -up).sec;
  let running = 0;
  let blocked = 0;
  for (const task of tasks.all()) {
    if (task.state.name === 'guest' || task.state.name === 'kernel') running++;
    else if (task.state.name === 'blocked' && !task.state.wait.interruptible) blocked++;
  }
  return `${text}intr 0\nctxt 0\nbtime ${booted}\nprocesses ${tasks.size}\nprocs_running ${running}\nprocs_blocked ${blocked}\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n`;
}

export function uptime(services: KernelServices): string {
  const up = services.clock.monotonic();
  const used = cpuUsed(services);
  const idle = Math.max(0, up * services.machine.cores - used.user - used.system);
  const show = (ns: number): string => (Math.floor(ns / 1e7) / 100).toFixed(2);
  return `${show(up)} ${show(idle)}\n`;
}

/** No averages are kept; the last two columns are true. */
export function loadavg({ tasks }: KernelServices): string {
  let running = 0;
  let last = 0;
  for (const task of tasks.all()) {
    if (task.state.name === 'guest' || task.state.name === 'kernel') running++;
    last = Math.max(last, task.tid);
  }
  return `0.00 0.00 0.00 ${running}/${tasks.size} ${last}\n`;
}

export function version({ uts }: KernelServices): string {
  return `${uts.sysname} version ${uts.release} (troupe@troupe) (TypeScript) ${uts.version}\n`;
}

export const FILESYSTEMS = [
  'nodev\tsysfs',
  'nodev\ttmpfs',
  'nodev\tproc',
  'nodev\tdevtmpfs',
  'nodev\tpipefs',
  'nodev\tsockfs',
  'nodev\toverlay',
  'nodev\thostfs',
  '',
].join('\n');
