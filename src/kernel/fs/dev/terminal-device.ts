/**
 * /dev/tty, tty(4): whatever terminal controls the opener's session; and /dev/ptmx, which makes new ones.
 */
import { E } from '../../../abi/errno.js';
import { O_NOCTTY } from '../../../abi/open.js';
import type { HostFd } from '../../../base/brand.js';
import { fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { StdioFile } from '../stdio/stdio-file.js';
import { StdioInode } from '../stdio/stdio-inode.js';
import { PTMX_MINOR, TTY_MINOR, TTYAUX_MAJOR } from '../tty/device-number.js';
import { terminalsOf } from '../tty/devpts.js';
import { openSlave } from '../tty/pts-inode.js';
import type { DeviceRegistry } from './registry.js';

/** `fd` is the host terminal that sessions without a terminal of their own are on; absent: ENXIO. */
export function registerTerminals(
  registry: DeviceRegistry,
  services: KernelServices,
  fd: HostFd | undefined,
): void {
  const stream = fd === undefined ? undefined : new StdioInode(services, fd, { owned: false });
  registry.register(TTYAUX_MAJOR, TTY_MINOR, (inode, _rdev, flags, path) => {
    const terminal = services.tasks.current?.group.terminal;
    if (terminal) return openSlave(terminal, inode, flags | O_NOCTTY, path);
    return stream ? new StdioFile(stream, path, flags) : fail(E.ENXIO);
  });
  registry.register(TTYAUX_MAJOR, PTMX_MINOR, (inode, _rdev, flags, path) =>
    terminalsOf(services).openMaster(inode, flags, path),
  );
}
