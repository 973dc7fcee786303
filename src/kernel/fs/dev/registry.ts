/**
 * Which driver answers for a device node, by type, major and minor number (Linux:
 * Documentation/admin-guide/devices.txt). A node is only a pair of numbers; whichever file system it
 * lies in, opening it ends up here.
 *
 * Owner: one registry a kernel, found by its services; filled by dev-fs.ts and whoever brings devices.
 */
import { E } from '../../../abi/errno.js';
import { makedev, S_IFBLK, S_IFMT } from '../../../abi/mode.js';
import { type Failure, fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import type { FileDescription } from '../file-description.js';
import type { Inode } from '../inode.js';
import type { VfsPath } from '../path.js';

export type OpenDevice = (
  inode: Inode,
  rdev: number,
  flags: number,
  path: VfsPath | undefined,
) => FileDescription | Failure;

export class DeviceRegistry {
  private readonly _drivers = new Map<number, OpenDevice>();

  /** Makes `open` answer for a character device. */
  register(major: number, minor: number, open: OpenDevice): void {
    this._drivers.set(makedev(major, minor), open);
  }

  /** Opens the device that `inode` (a character or block device node) stands for; ENXIO: there is none. */
  readonly open: OpenDevice = (inode, rdev, flags, path) => {
    if ((inode.mode & S_IFMT) === S_IFBLK) return fail(E.ENXIO);
    const driver = this._drivers.get(rdev);
    return driver ? driver(inode, rdev, flags, path) : fail(E.ENXIO);
  };
}

const perKernel = new WeakMap<Pick<KernelServices, 'clock'>, DeviceRegistry>();

export function deviceRegistry(services: Pick<KernelServices, 'clock'>): DeviceRegistry {
  let registry = perKernel.get(services);
  if (!registry) {
    registry = new DeviceRegistry();
    perKernel.set(services, registry);
  }
  return registry;
}

/** What the `open` of a device node calls, in any file system. */
export function openDevice(
  services: KernelServices,
  inode: Inode,
  flags: number,
  path: VfsPath | undefined,
): FileDescription | Failure {
  return deviceRegistry(services).open(inode, inode.attributes().rdev, flags, path);
}
