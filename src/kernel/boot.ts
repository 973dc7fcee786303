/**
 * What a sandbox looks like when its first program starts: the mounts of `/`, from the host's tree
 * under an in-memory layer to /proc, and the files of a process that came from outside.
 */
import { E } from '../abi/errno.js';
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY } from '../abi/mount.js';
import { credentialsOf } from './auth/credentials.js';
import { newDevFs } from './fs/dev/dev-fs.js';
import { newHostFs } from './fs/host/host-fs.js';
import type { FileSystem } from './fs/inode.js';
import { MountNamespace } from './fs/mounts.js';
import { newOverlay } from './fs/overlay/overlay.js';
import type { VfsPath } from './fs/path.js';
import { newProcFs } from './fs/proc/proc-fs.js';
import { newSysFs } from './fs/sys/sys-fs.js';
import { newTmpfs } from './fs/tmpfs/tmpfs.js';
import { makeDirectory } from './fs/make.js';
import { type WalkContext, walk } from './fs/walk.js';
import { Failure, SyscallError } from './outcome.js';
import type { KernelServices } from './services.js';
import type { HostFd } from '../base/brand.js';

export interface RootOptions {
  /** Host directory, byte string. */
  readonly rootfs: string;
  readonly binds: readonly { readonly source: string; readonly target: string; readonly readOnly: boolean }[];
  readonly tmpfs: readonly string[];
}

/** Something the embedder named cannot be had; the message says which. */
export class BootError extends Error {
  override readonly name = 'BootError';
}

/** The root mount namespace of a kernel. */
export function newRootNamespace(services: KernelServices, options: RootOptions): MountNamespace {
  const { hostFiles } = services;
  const lower = newHostFs({ hostFiles, rootFd: openRoot(services, options.rootfs), readOnly: true });
  const mounts = new MountNamespace(newOverlay(services, { lower }), { source: 'overlay' });
  const mountAt = (fs: FileSystem, target: string, flags: number, source: string): void => {
    mounts.mount(fs, mountpoint(mounts, target), { flags, source });
  };
  mountAt(newProcFs(services), '/proc', MS_NOSUID | MS_NODEV | MS_NOEXEC, 'proc');
  mountAt(newSysFs(services), '/sys', MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, 'sysfs');
  mountAt(newDevFs(services), '/dev', MS_NOSUID, 'devtmpfs');
  const inMemory = ['/tmp', '/dev/shm', ...options.tmpfs];
  for (const target of new Set(inMemory)) {
    mountAt(newTmpfs({ clock: services.clock, hostFiles }), target, MS_NOSUID | MS_NODEV, 'tmpfs');
  }
  for (const { source, target, readOnly } of options.binds) {
    const fs = newHostFs({ hostFiles, rootFd: openRoot(services, source), readOnly });
    mountAt(fs, target, MS_NOSUID | MS_NODEV | (readOnly ? MS_RDONLY : 0), source);
  }
  return mounts;
}

function openRoot(services: KernelServices, path: string): HostFd {
  const fd = services.hostFiles.openRoot(path);
  if (fd < 0) throw new BootError(`cannot open ${path} on the host (errno ${-fd})`);
  return fd as HostFd;
}

/** The place, made with its parents where it is not there. */
function mountpoint(mounts: MountNamespace, target: string): VfsPath {
  const ctx: WalkContext = { creds: credentialsOf(0, 0), root: mounts.root, cwd: mounts.root, umask: 0o022, mounts };
  let at = '';
  for (const name of target.split('/').filter((n) => n !== '')) {
    at += `/${name}`;
    const made = makeDirectory(ctx, at, 0o755);
    if (made instanceof Failure && made.errno !== E.EEXIST) throw new SyscallError(made.errno, at);
  }
  const place = walk(ctx, target, { followLast: true });
  if (place instanceof Failure) throw new BootError(`cannot mount at ${target} (errno ${place.errno})`);
  return place;
}
