/** A MemoryManager over a FakeSpace, with what it needs of the kernel's services. */

import type { HostFd, UserAddr } from '../../../src/base/brand.js';
import { credentialsOf } from '../../../src/kernel/auth/credentials.js';
import { FileDescription, type Mappable } from '../../../src/kernel/fs/file-description.js';
import type { Inode } from '../../../src/kernel/fs/inode.js';
import type { VfsPath } from '../../../src/kernel/fs/path.js';
import type { MemoryCaller } from '../../../src/kernel/mm/accounting.js';
import { MemoryManager } from '../../../src/kernel/mm/memory-manager.js';
import type { KernelServices } from '../../../src/kernel/services.js';
import { type FakeFiles, FakeSpace } from './fake-space.js';

export const MIN_ADDRESS = 0x1_0000;
export const MAX_ADDRESS = 0x7000_0000_0000;

/** Services with what memory management asks for; `spaces` lists the address spaces made. */
export function memoryServices(options: { memoryBytes?: number; files?: FakeFiles; random?: number } = {}) {
  const spaces: FakeSpace[] = [];
  let memfds = 100;
  const services = {
    platform: {
      minAddress: MIN_ADDRESS as UserAddr,
      maxAddress: MAX_ADDRESS as UserAddr,
      createAddressSpace() {
        const space = new FakeSpace(options.files);
        spaces.push(space);
        return space;
      },
    },
    clock: { monotonic: () => 0, realtime: () => ({ sec: 0, nsec: 0 }) },
    random: { fill: (into: Uint8Array) => into.fill(options.random ?? 0) },
    machine: {
      memoryBytes: options.memoryBytes ?? 2 ** 34,
      hwcap: 0xbfebfbff,
      hwcap2: 2,
      ticksPerSecond: 100,
    },
    hostFiles: { memfd: () => memfds++ as HostFd, ftruncate: () => 0, close() {} },
  };
  return { services: services as unknown as KernelServices, spaces };
}

export function limitsOf(limits: Readonly<Record<number, number>> = {}) {
  return { number: (resource: number) => limits[resource] ?? Number.POSITIVE_INFINITY };
}

export const user: MemoryCaller = { limits: limitsOf(), creds: credentialsOf(1000, 1000) };
export const root: MemoryCaller = { limits: limitsOf(), creds: credentialsOf(0, 0) };

export function newMemory(options: Parameters<typeof memoryServices>[0] = {}) {
  const { services, spaces } = memoryServices(options);
  const mm = MemoryManager.create(services, { stackLimit: 8 << 20, fixed: false });
  const space = spaces[0] as FakeSpace;
  return { mm, space, services };
}

/** A file that can be mapped; counts its closings. */
export class FakeFile extends FileDescription {
  closed = 0;
  constructor(
    flags: number,
    readonly fd = 7,
    mountFlags = 0,
  ) {
    super({} as Inode, { mount: { flags: mountFlags } } as unknown as VfsPath, flags);
  }
  override mappable(): Mappable {
    return { fd: this.fd as HostFd, base: 0 };
  }
  protected override onClose(): void {
    this.closed++;
  }
}
