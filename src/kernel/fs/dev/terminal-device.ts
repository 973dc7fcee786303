/** /dev/tty, tty(4): the controlling terminal, which is the host terminal troupe was started on, if any. */
import { E } from '../../../abi/errno.js';
import type { HostFd } from '../../../base/brand.js';
import { fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { StdioFile } from '../stdio/stdio-file.js';
import { StdioInode } from '../stdio/stdio-inode.js';
import type { DeviceRegistry } from './registry.js';

export const TTY_MAJOR = 5;

export function registerTerminal(
  registry: DeviceRegistry,
  services: KernelServices,
  fd: HostFd | undefined,
): void {
  const stream = fd === undefined ? undefined : new StdioInode(services, fd, { owned: false });
  registry.register(TTY_MAJOR, 0, (_inode, _rdev, flags, path) =>
    stream ? new StdioFile(stream, path, flags) : fail(E.ENXIO),
  );
}
