/**
 * memfd_create(2): regular files in memory without a name. They live in a tmpfs that is mounted nowhere.
 * Owner: one such tmpfs a kernel.
 */

import { S_IFREG } from '../../../abi/mode.js';
import { O_LARGEFILE, O_RDWR } from '../../../abi/open.js';
import type { Credentials } from '../../auth/credentials.js';
import { Failure } from '../../outcome.js';
import { PerKernel } from '../../per-kernel.js';
import type { KernelServices } from '../../services.js';
import type { FileDescription } from '../file-description.js';
import { newTmpfs } from '../tmpfs/tmpfs.js';

const memfds = new PerKernel('memfds', ({ clock, hostFiles }) => newTmpfs({ clock, hostFiles }));

/** `mode`: permission bits. */
export function newMemfd(
  services: KernelServices,
  creds: Credentials,
  name: string,
  mode: number,
): FileDescription | Failure {
  const file = memfds.of(services).makeFile({ mode: S_IFREG | mode, uid: creds.fsuid, gid: creds.fsgid });
  if (file instanceof Failure) return file;
  file.nameless = `/memfd:${name} (deleted)`;
  return file.open(O_RDWR | O_LARGEFILE, undefined);
}
