/** Smaller texts of /proc/pid: cmdline, environ, limits, fdinfo… (proc(5), fs/proc/base.c). */
import { RLIM_INFINITY, RLIMIT_COUNT } from '../../../abi/resource.js';
import { userAddr } from '../../../base/brand.js';
import type { Task } from '../../task/task.js';
import type { FileDescription } from '../file-description.js';
import { memoryOf } from './subject.js';

const NOTHING = new Uint8Array(0);
/** More than any argument area that execve(2) accepts. */
const MAX_AREA = 16 << 20;

function area(task: Task, start: number, end: number): Uint8Array {
  const mm = memoryOf(task);
  const length = Math.min(end - start, MAX_AREA);
  if (!mm || length <= 0) return NOTHING;
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, mm.memory.tryRead(userAddr(start), bytes));
}

/** The arguments; a program that wrote over the last NUL (setproctitle) shows what it wrote. */
export function cmdline(task: Task): Uint8Array {
  const image = memoryOf(task)?.image;
  if (!image) return NOTHING;
  const { argStart, argEnd, envEnd } = image;
  const args = area(task, argStart, argEnd);
  if (args.length === 0 || args.at(-1) === 0) return args;
  const title = area(task, argStart, Math.max(argEnd, envEnd));
  const end = title.indexOf(0);
  return end < 0 ? title : title.subarray(0, end + 1);
}

export function environ(task: Task): Uint8Array {
  const image = memoryOf(task)?.image;
  return image ? area(task, image.envStart, image.envEnd) : NOTHING;
}

export function auxv(task: Task): Uint8Array {
  return memoryOf(task)?.image.auxv ?? NOTHING;
}

const LIMIT_NAMES: readonly (readonly [string, string])[] = [
  ['Max cpu time', 'seconds'],
  ['Max file size', 'bytes'],
  ['Max data size', 'bytes'],
  ['Max stack size', 'bytes'],
  ['Max core file size', 'bytes'],
  ['Max resident set', 'bytes'],
  ['Max processes', 'processes'],
  ['Max open files', 'files'],
  ['Max locked memory', 'bytes'],
  ['Max address space', 'bytes'],
  ['Max file locks', 'locks'],
  ['Max pending signals', 'signals'],
  ['Max msgqueue size', 'bytes'],
  ['Max nice priority', ''],
  ['Max realtime priority', ''],
  ['Max realtime timeout', 'us'],
];

export function limits(task: Task): string {
  const show = (n: bigint): string => (n === RLIM_INFINITY ? 'unlimited' : String(n)).padEnd(20);
  let text = 'Limit                     Soft Limit           Hard Limit           Units     \n';
  for (let resource = 0; resource < RLIMIT_COUNT; resource++) {
    const [name = '', unit = ''] = LIMIT_NAMES[resource] ?? [];
    const { soft, hard } = task.group.limits.get(resource);
    text += `${name.padEnd(25)} ${show(soft)} ${show(hard)} ${unit ? unit.padEnd(10) : ''}\n`;
  }
  return text;
}

const O_CLOEXEC = 0o2000000;

export function fdinfo(task: Task, fd: number, file: FileDescription): string {
  const flags = file.flags | (task.files.isCloseOnExec(fd) ? O_CLOEXEC : 0);
  const { ino } = file.inode.attributes();
  return (
    `pos:\t${file.offset}\nflags:\t0${flags.toString(8)}\n` +
    `mnt_id:\t${file.path?.mount.id ?? 15}\nino:\t${ino}\n${file.fdinfo()}`
  );
}
