/** /proc/pid/maps and smaps, proc_pid_maps(5). Linux: fs/proc/task_mmu.c. */
import { majorOf, minorOf } from '../../../abi/mode.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import { VM, Vma } from '../../mm/vma.js';
import type { Task } from '../../task/task.js';
import { memoryOf, nameFor } from './subject.js';

/** Column of the name: 25 + 6 words, and one blank. */
const NAME_COLUMN = 73;

const hex = (n: number, width: number): string => n.toString(16).padStart(width, '0');

export function maps(task: Task): string {
  const mm = memoryOf(task);
  if (!mm) return '';
  let text = '';
  for (const vma of all(mm)) text += mapLine(task, vma);
  return text;
}

/** Besides what the guest may change: what the platform has mapped for it, higher up. */
function* all(mm: MemoryManager): Iterable<Vma> {
  yield* mm.vmas;
  const { vdso } = mm.services.platform;
  if (!vdso) return;
  const { dataAddress, address, end } = vdso;
  yield new Vma({ start: dataAddress, end: address, flags: VM.READ | VM.MAYREAD, name: '[vvar]' });
  const code = VM.READ | VM.EXEC | VM.MAYREAD | VM.MAYEXEC;
  yield new Vma({ start: address, end, flags: code, name: '[vdso]' });
}

function mapLine(task: Task, vma: Vma): string {
  const { flags } = vma;
  const rights =
    (flags & VM.READ ? 'r' : '-') +
    (flags & VM.WRITE ? 'w' : '-') +
    (flags & VM.EXEC ? 'x' : '-') +
    (flags & VM.MAYSHARE ? 's' : 'p');
  let dev = 0;
  let ino = 0;
  if (vma.file) ({ dev, ino } = vma.file.inode.attributes());
  const head =
    `${hex(vma.start, 8)}-${hex(vma.end, 8)} ${rights} ${hex(vma.offset, 8)} ` +
    `${hex(majorOf(dev), 2)}:${hex(minorOf(dev), 2)} ${ino} `;
  const name = nameOf(task, vma);
  return name === '' ? `${head}\n` : `${head.padEnd(NAME_COLUMN)}${name}\n`;
}

function nameOf(task: Task, vma: Vma): string {
  if (vma.name !== '') return vma.name;
  if (!vma.file) return '';
  const { path } = vma.file;
  return (path ? nameFor(task.kernel, path, task) : vma.file.linkName()).replaceAll('\n', '\\012');
}

/** Bits of VmFlags that we know, in Linux's order. */
const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [VM.READ, 'rd'],
  [VM.WRITE, 'wr'],
  [VM.EXEC, 'ex'],
  [VM.SHARED, 'sh'],
  [VM.MAYREAD, 'mr'],
  [VM.MAYWRITE, 'mw'],
  [VM.MAYEXEC, 'me'],
  [VM.MAYSHARE, 'ms'],
  [VM.GROWSDOWN, 'gd'],
  [VM.LOCKED, 'lo'],
  [VM.SEQ_READ, 'sr'],
  [VM.RAND_READ, 'rr'],
  [VM.DONTCOPY, 'dc'],
  [VM.ACCOUNT, 'ac'],
  [VM.NORESERVE, 'nr'],
  [VM.WIPEONFORK, 'wf'],
  [VM.DONTDUMP, 'dd'],
];

/** What is resident is the host's business: the fields that count pages in memory are left out. */
export function smaps(task: Task): string {
  const mm = memoryOf(task);
  if (!mm) return '';
  let text = '';
  for (const vma of all(mm)) {
    const size = String(vma.length / 1024).padStart(8);
    const flags = FLAG_NAMES.filter(([bit]) => vma.flags & bit).map(([, name]) => `${name} `);
    text += mapLine(task, vma);
    text += `Size:           ${size} kB\n`;
    text += 'KernelPageSize:        4 kB\nMMUPageSize:           4 kB\n';
    text += `Locked:         ${(vma.flags & VM.LOCKED ? size : '0').padStart(8)} kB\n`;
    text += `VmFlags: ${flags.join('')}\n`;
  }
  return text;
}
