/** /proc/pid/status, stat and statm: proc_pid_status(5), proc_pid_stat(5). Linux: fs/proc/array.c. */
import { RLIMIT } from '../../../abi/resource.js';
import { NSIG, SIG_DFL, SIG_IGN } from '../../../abi/signal.js';
import { DeputyContext } from '../../home/deputy.js';
import { PAGE_SIZE } from '../../mm/user-memory.js';
import { EMPTY_MASK, maskWith, type SignalMask } from '../../signal/mask.js';
import type { Task } from '../../task/task.js';
import { cpuList, cpuMask } from '../synthetic/cpu-list.js';
import { ptyDevice } from '../tty/device-number.js';
import { memoryOf } from './subject.js';

const STATES = {
  R: 'R (running)',
  S: 'S (sleeping)',
  T: 'T (stopped)',
  t: 't (tracing stop)',
  Z: 'Z (zombie)',
} as const;

function stateOf(task: Task): keyof typeof STATES {
  if (task.tracee?.stop) return 't';
  switch (task.state.name) {
    case 'blocked':
      return task.stopCount > 0 ? 'T' : 'S';
    case 'stopped':
      return 'T';
    case 'dead':
      return 'Z';
    case 'guest':
      return task.group.awayOn !== undefined ? stateOfBody(task) : 'R';
    default:
      return 'R';
  }
}

/** Of a process that runs on another shard, as that told last. */
function stateOfBody({ group, context }: Task): 'T' | 'S' | 'R' {
  if (group.stopped) return 'T';
  return context instanceof DeputyContext && context.sleeps ? 'S' : 'R';
}

const mask16 = (m: SignalMask): string =>
  (m.hi >>> 0).toString(16).padStart(8, '0') + (m.lo >>> 0).toString(16).padStart(8, '0');
const big16 = (n: bigint): string => n.toString(16).padStart(16, '0');
const kb = (bytes: number): string => `${String(Math.floor(bytes / 1024)).padStart(8)} kB`;

function actionMasks(task: Task): { ignored: SignalMask; caught: SignalMask } {
  let ignored = EMPTY_MASK;
  let caught = EMPTY_MASK;
  for (let signo = 1; signo <= NSIG; signo++) {
    const { handler } = task.group.actions.get(signo);
    if (handler === SIG_IGN) ignored = maskWith(ignored, signo);
    else if (handler !== SIG_DFL) caught = maskWith(caught, signo);
  }
  return { ignored, caught };
}

export function status(task: Task): string {
  const { group, creds, kernel } = task;
  const mm = memoryOf(task);
  const state = stateOf(task);
  const { ignored, caught } = actionMasks(task);
  const { cores } = kernel.machine;
  const line = (name: string, value: string | number): string => `${name}:\t${value}\n`;
  let text = line('Name', escapeName(task.comm));
  if (mm) text += line('Umask', `0${task.fs.umask.toString(8).padStart(3, '0')}`);
  text += line('State', STATES[state]);
  text += line('Tgid', group.pid) + line('Ngid', 0) + line('Pid', task.tid);
  text += line('PPid', group.parentPid) + line('TracerPid', task.tracee?.tracer.tid ?? 0);
  text += line('Uid', [creds.uid, creds.euid, creds.suid, creds.fsuid].join('\t'));
  text += line('Gid', [creds.gid, creds.egid, creds.sgid, creds.fsgid].join('\t'));
  text += line('FDSize', mm ? Math.max(64, 2 ** Math.ceil(Math.log2(task.files.end || 1))) : 0);
  text += line('Groups', `${creds.groups.join(' ')} `);
  text += line('NStgid', group.pid) + line('NSpid', task.tid);
  text += line('NSpgid', group.pgid) + line('NSsid', group.sid) + line('Kthread', 0);
  if (mm) {
    const { usage, image } = mm;
    const pages = (n: number): string => kb(n * PAGE_SIZE);
    const resident = kb(mm.space.residentBytes());
    const code = Math.min(usage.exec * PAGE_SIZE, Math.max(0, image.codeEnd - image.codeStart));
    text += line('VmPeak', pages(usage.peak)) + line('VmSize', pages(usage.total));
    text += line('VmLck', pages(usage.locked)) + line('VmPin', kb(0));
    text += line('VmHWM', resident) + line('VmRSS', resident);
    text += line('VmData', pages(usage.data)) + line('VmStk', pages(usage.stack));
    text += line('VmExe', kb(code)) + line('VmLib', kb(usage.exec * PAGE_SIZE - code));
    text += line('VmSwap', kb(0)) + line('HugetlbPages', kb(0));
    text += line('CoreDumping', 0) + line('THP_enabled', 1);
    text += line('untag_mask', '0xffffffffffffffff');
  }
  text += line('Threads', group.tasks.size || 1);
  const queueLimit = group.limits.number(RLIMIT.SIGPENDING);
  const limit = Number.isFinite(queueLimit) ? String(queueLimit) : '18446744073709551615';
  text += line('SigQ', `${task.pending.count + group.pending.count}/${limit}`);
  text += line('SigPnd', mask16(task.pending.mask)) + line('ShdPnd', mask16(group.pending.mask));
  text +=
    line('SigBlk', mask16(task.mask)) + line('SigIgn', mask16(ignored)) + line('SigCgt', mask16(caught));
  text += line('CapInh', big16(creds.inheritable)) + line('CapPrm', big16(creds.permitted));
  text += line('CapEff', big16(creds.effective)) + line('CapBnd', big16(creds.bounding));
  text += line('CapAmb', big16(creds.ambient)) + line('NoNewPrivs', creds.noNewPrivs ? 1 : 0);
  text += line('Seccomp', 0) + line('Seccomp_filters', 0);
  text += line('Cpus_allowed', cpuMask(cores)) + line('Cpus_allowed_list', cpuList(cores));
  text += line('Mems_allowed', '1') + line('Mems_allowed_list', '0');
  text += line('voluntary_ctxt_switches', 0) + line('nonvoluntary_ctxt_switches', 0);
  return text;
}

function escapeName(comm: string): string {
  return comm.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/** Of the whole group, or of one thread (task/tid/stat). */
export function stat(task: Task): string {
  const { group, kernel } = task;
  const mm = memoryOf(task);
  const { ignored, caught } = actionMasks(task);
  const ticks = (ns: number): number => Math.floor((ns / 1e9) * kernel.machine.ticksPerSecond);
  const cpu = group.cpuTime();
  const image = mm?.image;
  const started = task.startMonotonicNs;
  const rssLimit = group.limits.get(RLIMIT.RSS).soft;
  const low = (m: SignalMask): number => m.lo >>> 0;
  const fields: (number | string | bigint)[] = [
    task.tid,
    `(${task.comm})`,
    stateOf(task),
    group.parentPid,
    group.pgid,
    group.sid,
    group.terminal ? ptyDevice(group.terminal.index) : 0, // tty_nr
    group.terminal ? (group.terminal.foreground ?? 0) : -1, // tpgid
    4194304, // flags: PF_RANDOMIZE
    0, // minflt
    0,
    0, // majflt
    0,
    ticks(cpu.user),
    ticks(cpu.system),
    ticks(group.childrenCpu.user),
    ticks(group.childrenCpu.system),
    20, // priority
    0, // nice
    group.tasks.size || 1,
    0, // itrealvalue
    ticks(started),
    mm ? mm.usage.total * PAGE_SIZE : 0,
    mm ? Math.floor(mm.space.residentBytes() / PAGE_SIZE) : 0,
    rssLimit,
    image?.codeStart ?? 0,
    image?.codeEnd ?? 0,
    image?.stackStart ?? 0,
    0, // kstkesp
    0, // kstkeip
    low(task.pending.mask),
    low(task.mask),
    low(ignored),
    low(caught),
    stateOf(task) === 'S' ? 1 : 0, // wchan
    0,
    0,
    group.exitSignal,
    0, // processor
    0, // rt_priority
    0, // policy
    0, // delayacct_blkio_ticks
    0, // guest_time
    0,
    image?.dataStart ?? 0,
    image?.dataEnd ?? 0,
    mm?.brkStart ?? 0,
    image?.argStart ?? 0,
    image?.argEnd ?? 0,
    image?.envStart ?? 0,
    image?.envEnd ?? 0,
    group.exitStatus ?? 0,
  ];
  return `${fields.join(' ')}\n`;
}

export function statm(task: Task): string {
  const mm = memoryOf(task);
  if (!mm) return '0 0 0 0 0 0 0\n';
  const { usage, image } = mm;
  const resident = Math.floor(mm.space.residentBytes() / PAGE_SIZE);
  const code = Math.ceil(Math.max(0, image.codeEnd - image.codeStart) / PAGE_SIZE);
  return `${usage.total} ${resident} 0 ${code} 0 ${usage.data + usage.stack} 0\n`;
}
