/**
 * What a sandbox looks like when its first program starts: the mounts of `/`, from the host's tree
 * under an in-memory layer to /proc, and the files of a process that came from outside.
 */
import { E, errnoName } from '../abi/errno.js';
import { errnoText } from '../abi/errno-text.js';
import { isDirectory, S_IFREG } from '../abi/mode.js';
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RDONLY } from '../abi/mount.js';
import type { HostFd } from '../base/brand.js';
import { toUnicode } from '../base/bytes.js';
import { newDevFs } from './fs/dev/dev-fs.js';
import { newHostFs } from './fs/host/host-fs.js';
import type { FileSystem } from './fs/inode.js';
import { makeDirectory, makeNode } from './fs/make.js';
import { MountNamespace } from './fs/mounts.js';
import { newOverlay } from './fs/overlay/overlay.js';
import type { VfsPath } from './fs/path.js';
import { newProcFs } from './fs/proc/proc-fs.js';
import { newSysFs } from './fs/sys/sys-fs.js';
import { newTmpfs } from './fs/tmpfs/tmpfs.js';
import { newDevPts } from './fs/tty/devpts.js';
import { walk } from './fs/walk.js';
import { kernelMemory } from './kernel-memory.js';
import { Failure } from './outcome.js';
import type { KernelServices } from './services.js';
import { supervisorContext } from './supervisor.js';

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
  const lower = newHostFs({
    hostFiles,
    source: options.rootfs,
    rootFd: openRoot(services, options.rootfs),
    readOnly: true,
  });
  if (!isDirectory(lower.root.mode)) {
    throw new BootError(`${toUnicode(options.rootfs)} cannot be the root: ${why(E.ENOTDIR)}`);
  }
  const memory = kernelMemory.of(services);
  const mounts = new MountNamespace(newOverlay(services, { lower, memory }), { source: 'overlay' });
  const mountAt = (fs: FileSystem, target: string, flags: number, source: string): void => {
    mounts.mount(fs, mountpoint(services, mounts, target, fs), { flags, source });
  };
  mountAt(newProcFs(services), '/proc', MS_NOSUID | MS_NODEV | MS_NOEXEC, 'proc');
  mountAt(newSysFs(services), '/sys', MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, 'sysfs');
  mountAt(newDevFs(services), '/dev', MS_NOSUID, 'devtmpfs');
  mountAt(newDevPts(services), '/dev/pts', MS_NOSUID | MS_NOEXEC, 'devpts');
  const inMemory = ['/tmp', '/dev/shm', ...options.tmpfs];
  for (const target of new Set(inMemory)) {
    mountAt(newTmpfs({ clock: services.clock, hostFiles, memory }), target, MS_NOSUID | MS_NODEV, 'tmpfs');
  }
  for (const { source, target, readOnly } of options.binds) {
    const fs = newHostFs({ hostFiles, source, rootFd: openRoot(services, source), readOnly, bound: true });
    mountAt(fs, target, MS_NOSUID | MS_NODEV | (readOnly ? MS_RDONLY : 0), source);
  }
  return mounts;
}

function openRoot(services: KernelServices, path: string): HostFd {
  const fd = services.hostFiles.openRoot(path);
  if (fd < 0) throw new BootError(`cannot open ${toUnicode(path)} on the host: ${why(-fd)}`);
  return fd as HostFd;
}

/** The place, made with its parents where it is not there: a directory, or an empty file for a file. */
function mountpoint(
  services: KernelServices,
  mounts: MountNamespace,
  target: string,
  fs: FileSystem,
): VfsPath {
  const ctx = supervisorContext(services).walkIn(mounts);
  const names = target.split('/').filter((name) => name !== '');
  const forDirectory = isDirectory(fs.root.mode);
  const refuse = (errno: number): never => {
    throw new BootError(`cannot mount at ${toUnicode(target)}: ${why(errno)}`);
  };
  let at = '';
  names.forEach((name, i) => {
    at += `/${name}`;
    const asFile = !forDirectory && i === names.length - 1;
    const made = asFile ? makeNode(ctx, at, S_IFREG | 0o644, 0) : makeDirectory(ctx, at, 0o755);
    if (made instanceof Failure && made.errno !== E.EEXIST) refuse(made.errno);
  });
  const place = walk(ctx, target, { followLast: true });
  if (place instanceof Failure) return refuse(place.errno);
  // As mount(2): a directory goes on a directory, a file on a file.
  if (isDirectory(place.dentry.inode.mode) !== forDirectory)
    return refuse(forDirectory ? E.ENOTDIR : E.EISDIR);
  return place;
}

const why = (errno: number): string => `${errnoText(errno)} (${errnoName(errno)})`;
