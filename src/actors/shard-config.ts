/** What a shard makes of its kernel's configuration. Strings of it are Unicode; the kernel's are bytes. */
import { fromUnicode } from '../base/bytes.js';
import type { RootOptions } from '../kernel/boot.js';
import type { Machine } from '../kernel/services.js';
import type { KernelConfig } from '../messages/kernel.js';
import type { RootSettings } from '../messages/lifecycle.js';
import { hostMachine } from '../platform/host/machine.unsafe.js';
import { v8 } from './lazy-builtins.js';

/** Some of it is settled by `init`. */
export type MutableMachine = { -readonly [K in keyof Machine]: Machine[K] };

/**
 * How much of this thread's heap guests may fill with mappings, open files and descriptors. The rest is for
 * tasks, inodes and names, which have limits of their own, and for garbage until it is collected.
 */
const KERNEL_MEMORY_SHARE = 0.5;

export function machineOf({ cores, memoryBytes, maxTasks }: KernelConfig): MutableMachine {
  return {
    ...hostMachine(),
    cores,
    memoryBytes,
    maxTasks,
    ticksPerSecond: 100,
    get kernelMemoryBytes() {
      return KERNEL_MEMORY_SHARE * v8().getHeapStatistics().heap_size_limit;
    },
  };
}

export function rootOptions(root: RootSettings): RootOptions {
  return {
    rootfs: fromUnicode(root.rootfs),
    tmpfs: root.tmpfs.map(fromUnicode),
    binds: root.binds.map((b) => ({ ...b, source: fromUnicode(b.source), target: fromUnicode(b.target) })),
  };
}
