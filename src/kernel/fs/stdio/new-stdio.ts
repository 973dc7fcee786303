/** Host descriptors for guests: what boot and spawn put at 0, 1 and 2. */
import { O_RDWR } from '../../../abi/open.js';
import type { HostFd } from '../../../base/brand.js';
import type { KernelServices } from '../../services.js';
import type { StdioFile } from './stdio-file.js';
import { StdioInode, type StdioOptions } from './stdio-inode.js';

/**
 * A description of the host descriptor `fd`, with one reference. `flags` are those of open(2); a
 * terminal is best given O_RDWR, as login programs do.
 */
export function newStdio(
  services: KernelServices,
  fd: HostFd,
  options: Partial<StdioOptions> & { readonly flags?: number } = {},
): StdioFile {
  const { flags = O_RDWR, owned = false, ...rest } = options;
  const inode = new StdioInode(services, fd, { owned, ...rest });
  return inode.open(flags, undefined);
}
