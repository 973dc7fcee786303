/**
 * What file systems ask of the host. The kernel is pure: platform/host implements this, tests hand in
 * a fake. All calls are synchronous and short; failures are values (a negative errno of the host).
 */
import type { HostFd } from '../base/brand.js';

export interface HostStat {
  dev: number;
  ino: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdevMajor: number;
  rdevMinor: number;
  size: number;
  blksize: number;
  blocks: number;
  atimeSec: number;
  atimeNsec: number;
  mtimeSec: number;
  mtimeNsec: number;
  ctimeSec: number;
  ctimeNsec: number;
  btimeSec: number;
  btimeNsec: number;
}

export function newHostStat(): HostStat {
  return {
    dev: 0,
    ino: 0,
    mode: 0,
    nlink: 0,
    uid: 0,
    gid: 0,
    rdevMajor: 0,
    rdevMinor: 0,
    size: 0,
    blksize: 0,
    blocks: 0,
    atimeSec: 0,
    atimeNsec: 0,
    mtimeSec: 0,
    mtimeNsec: 0,
    ctimeSec: 0,
    ctimeNsec: 0,
    btimeSec: 0,
    btimeNsec: 0,
  };
}

export interface HostDirEntry {
  readonly name: string;
  readonly ino: number;
  /** DT_* */
  readonly type: number;
}

export interface HostStatfs {
  type: number;
  bsize: number;
  blocks: number;
  bfree: number;
  bavail: number;
  files: number;
  ffree: number;
  namelen: number;
}

/** Numbers ≥ 0 are results, negative ones -errno. Names are bytes in latin1 strings (one char a byte). */
export interface HostFiles {
  /**
   * Opens `path` beneath the directory `dir` and never outside it: openat2(2) with RESOLVE_BENEATH |
   * RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS. `path` is relative and may have several components.
   * O_CLOEXEC is added.
   */
  openBeneath(dir: HostFd, path: string, flags: number, mode: number): HostFd | number;
  /** Opens a path of the embedder's own namespace (mount roots). */
  openRoot(path: string): HostFd | number;
  /** Opens once more, with other flags, what a descriptor refers to. */
  reopen(fd: HostFd, flags: number): HostFd | number;
  close(fd: HostFd): void;
  fstat(fd: HostFd, into: HostStat): number;
  /** fstatat(2) with AT_SYMLINK_NOFOLLOW: one name, or a relative path beneath whose parents are no symlinks. */
  lstatBeneath(dir: HostFd, path: string, into: HostStat): number;
  readlinkBeneath(dir: HostFd, path: string): string | number;
  /** The whole directory, without "." and "..". */
  readDirectory(fd: HostFd): HostDirEntry[] | number;
  pread(fd: HostFd, into: Uint8Array, offset: number): number;
  pwrite(fd: HostFd, from: Uint8Array, offset: number): number;
  /** Never block: -EAGAIN instead. */
  readStream(fd: HostFd, into: Uint8Array): number;
  writeStream(fd: HostFd, from: Uint8Array): number;
  /** What waits in a pipe or socket to be read, which stays there; -ENOBUFS where not all of it can be seen. */
  peekStream(fd: HostFd, how: 'pipe' | 'socket'): Uint8Array | number;
  ftruncate(fd: HostFd, size: number): number;
  /** fallocate(2) with PUNCH_HOLE: zeros, whose memory is given back; the size stays. */
  punchHole(fd: HostFd, offset: number, length: number): number;
  fsync(fd: HostFd): number;
  mkdirBeneath(dir: HostFd, path: string, mode: number): number;
  unlinkBeneath(dir: HostFd, path: string, flags: number): number;
  renameBeneath(fromDir: HostFd, from: string, toDir: HostFd, to: string, flags: number): number;
  symlinkBeneath(target: string, dir: HostFd, path: string): number;
  linkBeneath(fromDir: HostFd, from: string, toDir: HostFd, to: string): number;
  fchmod(fd: HostFd, mode: number): number;
  /** Numbers of -1 stay as they are. */
  fchown(fd: HostFd, uid: number, gid: number): number;
  futimens(fd: HostFd, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): number;
  statfs(fd: HostFd): HostStatfs | number;
  /** SEEK_DATA, SEEK_HOLE. */
  lseek(fd: HostFd, offset: number, whence: number): number;
  /** Poll bits that hold now. */
  poll(fd: HostFd, events: number): number;
  /** ioctl(2) with a buffer that is read and written (terminals). */
  ioctl(fd: HostFd, request: number, buffer: Uint8Array): number;
  /** ioctl(2) whose argument is a number. */
  ioctlValue(fd: HostFd, request: number, value: number): number;
  getXattr(fd: HostFd, name: string): Uint8Array | number;
  listXattr(fd: HostFd): string[] | number;
  /** memfd_create(2): memory of the sandbox that can be mapped; -ENOMEM where the host spares no descriptor. */
  memfd(name: string): HostFd | number;
}
