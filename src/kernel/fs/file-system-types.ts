/**
 * The file systems that mount(2) can make by name, and the options of a tmpfs (tmpfs(5)).
 */
import { E } from '../../abi/errno.js';
import { kernelMemory } from '../kernel-memory.js';
import { type Failure, fail, SyscallError } from '../outcome.js';
import type { KernelServices } from '../services.js';
import { newDevFs } from './dev/dev-fs.js';
import { deviceRegistry } from './dev/registry.js';
import type { FileSystem } from './inode.js';
import { newProcFs } from './proc/proc-fs.js';
import { newSysFs } from './sys/sys-fs.js';
import { newTmpfs, type TmpfsOptions } from './tmpfs/tmpfs.js';
import { newDevPts } from './tty/devpts.js';

/** ENODEV: there is no such type. EINVAL (thrown): an option makes no sense. */
export function newFileSystem(services: KernelServices, type: string, data: string): FileSystem | Failure {
  switch (type) {
    case 'tmpfs':
    case 'ramfs':
      return newTmpfs({
        clock: services.clock,
        hostFiles: services.hostFiles,
        openDevice: deviceRegistry(services).open,
        memory: kernelMemory.of(services),
        type,
        // As Linux: half of the memory, unless size= says otherwise.
        maxBytes: Math.floor(services.machine.memoryBytes / 2),
        ...tmpfsOptions(data, services.machine.memoryBytes),
      });
    case 'proc':
      return newProcFs(services);
    case 'sysfs':
      return newSysFs(services);
    case 'devtmpfs':
      return newDevFs(services);
    case 'devpts':
      return newDevPts(services);
    default:
      return fail(E.ENODEV);
  }
}

type Settable = { -readonly [K in keyof TmpfsOptions]?: TmpfsOptions[K] };

/** "size=10m,mode=755,uid=1": what mount(8) gives as the data of a tmpfs. */
export function tmpfsOptions(data: string, memoryBytes: number): Partial<TmpfsOptions> {
  const options: Settable = {};
  for (const part of data.split(',')) {
    const [key = '', value = ''] = part.split('=', 2);
    if (key === 'size') options.maxBytes = parseSize(value, memoryBytes) || Number.POSITIVE_INFINITY;
    else if (key === 'nr_blocks') options.maxBytes = parseSize(value, 0) * 4096 || Number.POSITIVE_INFINITY;
    else if (key === 'nr_inodes') options.maxInodes = parseSize(value, 0) || Number.POSITIVE_INFINITY;
    else if (key === 'mode') options.mode = parseNumber(value, 8) & 0o7777;
    else if (key === 'uid') options.uid = parseNumber(value, 10);
    else if (key === 'gid') options.gid = parseNumber(value, 10);
    else if (key !== '' && !IGNORED.has(key)) throw new SyscallError(E.EINVAL, `tmpfs option ${key}`);
  }
  return options;
}

const IGNORED = new Set(['huge', 'mpol', 'inode32', 'inode64', 'noswap', 'rw', 'ro', 'defaults']);
const UNITS: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

function parseSize(text: string, whole: number): number {
  if (text.endsWith('%')) return Math.floor((parseNumber(text.slice(0, -1), 10) * whole) / 100);
  const unit = UNITS[text.slice(-1).toLowerCase()];
  return unit === undefined ? parseNumber(text, 10) : parseNumber(text.slice(0, -1), 10) * unit;
}

function parseNumber(text: string, base: 8 | 10): number {
  if (!(base === 8 ? /^[0-7]+$/ : /^[0-9]+$/).test(text)) throw new SyscallError(E.EINVAL);
  return Number.parseInt(text, base);
}
