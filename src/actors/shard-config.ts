/** What a shard makes of its kernel's configuration. Strings of it are Unicode; the kernel's are bytes. */
import { fromUnicode } from '../base/bytes.js';
import type { RootOptions } from '../kernel/boot.js';
import type { Machine } from '../kernel/services.js';
import { parseStraceFilter } from '../kernel/syscalls/strace-filter.js';
import { SyscallTrace } from '../kernel/syscalls/syscall-trace.js';
import type { KernelConfig } from '../messages/kernel.js';
import type { RootSettings } from '../messages/lifecycle.js';
import { hostMachine } from '../platform/host/machine.unsafe.js';

/** Some of it is settled by `init`. */
export type MutableMachine = { -readonly [K in keyof Machine]: Machine[K] };

export function newTrace(config: KernelConfig): SyscallTrace | undefined {
  const filter = config.strace?.filter;
  if (filter === undefined) return undefined;
  const parsed = parseStraceFilter(filter);
  if ('error' in parsed) throw new Error(parsed.error);
  return new SyscallTrace({ filter: parsed });
}

export function machineOf({ cores, memoryBytes, maxTasks }: KernelConfig): MutableMachine {
  return { ...hostMachine(), cores, memoryBytes, maxTasks, ticksPerSecond: 100 };
}

export function rootOptions(root: RootSettings): RootOptions {
  return {
    rootfs: fromUnicode(root.rootfs),
    tmpfs: root.tmpfs.map(fromUnicode),
    binds: root.binds.map((b) => ({ ...b, source: fromUnicode(b.source), target: fromUnicode(b.target) })),
  };
}
