/**
 * HostFiles on the real host, through the C library.
 *
 * Paths of guests never leave the directory they are given with: openat2(2) where the host has it,
 * otherwise one openat(2) with O_NOFOLLOW a component. Nothing waits: streams (pipes, terminals,
 * sockets) are read and written with RWF_NOWAIT, or after poll(2) where that is not supported;
 * O_NONBLOCK is not set, because the host's other users of the same description would see it.
 *
 * Owner: one shard. `beforeClose` is told of each descriptor that is about to be closed, so that
 * address spaces can drop their copies of it (AddressSpace.forgetFile).
 */
import type { HostFd } from '../../base/brand.js';
import type { HostDirEntry, HostFiles, HostStat, HostStatfs } from '../host-files.js';
import * as libc from './libc-files.unsafe.js';
import { peekStream } from './unread.unsafe.js';

const EINVAL = 22;
const ENOENT = 2;
const EPERM = 1;
const EBADF = 9;
const EAGAIN = 11;
const ENOMEM = 12;
const EXDEV = 18;
const ENOTDIR = 20;
const ENFILE = 23;
const EMFILE = 24;
const ENAMETOOLONG = 36;
const ENOSYS = 38;
const ERANGE = 34;
const EINTR = 4;
const EOPNOTSUPP = 95;

const AT_FDCWD = -100;
/** RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH */
const BENEATH = 0x02 | 0x04 | 0x08;
/** STATX_BASIC_STATS | STATX_BTIME */
const STATX_ALL = 0xfff;
const UTIME_OMIT = 0x3ffffffe;
const RWF_NOWAIT = 0x8;
const O_CREAT = 0o100;
const O_TMPFILE = 0o20200000;
const FALLOC_FL_KEEP_SIZE = 0x1;
const FALLOC_FL_PUNCH_HOLE = 0x2;
const POLLIN = 0x1;
const POLLOUT = 0x4;
const POLL_ENDED = 0x18;
/**
 * The part of this process's descriptors (RLIMIT_NOFILE) that memory of guests may take: they can want any
 * number, and stub processes, other kernels and the embedder need some, too.
 */
const MEMORY_SHARE = 0.75;
/** A terminal or pipe that polls writable takes this much without waiting. */
const SAFE_WRITE = 1024;
const PATH_MAX = 4096;

/** Where things lie in the scratch memory. */
const PATH_A = 0;
const PATH_B = 8192;
const STATX = 16384;
const HOW = 16640;
const TIMES = 16704;
const POLLFD = 16768;
const IOVEC = 16832;
const STATFS = 16896;
const EMPTY = 17408;
const LINK = 17424;
const DIRENTS = 24576;
const DIRENTS_SIZE = 65536;

type StreamKind = 'file' | 'nowait' | 'poll';

export class NodeHostFiles implements HostFiles {
  /** Told of a descriptor just before it is closed. */
  beforeClose: (fd: HostFd) => void = () => {};

  readonly #scratch = new libc.Scratch(DIRENTS + DIRENTS_SIZE);
  readonly #pathA = this.#scratch.at(PATH_A);
  readonly #pathB = this.#scratch.at(PATH_B);
  readonly #statx = this.#scratch.at(STATX);
  readonly #empty = this.#scratch.at(EMPTY);
  readonly #streams = new Map<HostFd, StreamKind>();
  readonly #spareDescriptors = MEMORY_SHARE * libc.descriptorLimit();
  #hasOpenat2 = true;

  openBeneath(dir: HostFd, path: string, flags: number, mode: number): HostFd | number {
    if (!this.#put(PATH_A, path)) return -ENAMETOOLONG;
    if (path.length === 0) return -ENOENT;
    if (this.#hasOpenat2) {
      const view = this.#scratch.view;
      // Unlike open(2), openat2(2) refuses a mode that is not used.
      const makes = (flags & O_CREAT) !== 0 || (flags & O_TMPFILE) === O_TMPFILE;
      view.setUint32(HOW, (flags | libc.O_CLOEXEC) >>> 0, true);
      view.setUint32(HOW + 4, 0, true);
      view.setUint32(HOW + 8, makes ? mode : 0, true);
      view.setUint32(HOW + 12, 0, true);
      view.setUint32(HOW + 16, BENEATH, true);
      view.setUint32(HOW + 20, 0, true);
      for (let tries = 0; ; tries++) {
        const r = libc.outcome(
          libc.openat2Call(libc.NR.openat2, dir, this.#pathA, this.#scratch.at(HOW), 24),
        );
        // EAGAIN: something was renamed on the way and the kernel cannot tell whether we left.
        if ((r === -EAGAIN || r === -EINTR) && tries < 16) continue;
        // Old kernels say ENOSYS; filters of containers say EPERM for what they do not know.
        if (r === -ENOSYS || (r === -EPERM && !this.#openat2Works(dir))) break;
        return r;
      }
      this.#hasOpenat2 = false;
    }
    return this.#openStepwise(dir, path, flags, mode);
  }

  #openat2Works(dir: HostFd): boolean {
    const view = this.#scratch.view;
    view.setUint32(HOW, (libc.O_PATH | libc.O_CLOEXEC) >>> 0, true);
    view.setUint32(HOW + 8, 0, true);
    this.#put(PATH_B, '.');
    const fd = libc.openat2Call(libc.NR.openat2, dir, this.#pathB, this.#scratch.at(HOW), 24);
    if (fd >= 0) libc.close(fd);
    return fd >= 0;
  }

  #openStepwise(dir: HostFd, path: string, flags: number, mode: number): HostFd | number {
    const names = path.split('/').filter((name: string) => name !== '' && name !== '.');
    if (path.startsWith('/') || names.includes('..')) return -EXDEV;
    const last = names.pop() ?? '.';
    let at: number = dir;
    for (const name of names) {
      this.#put(PATH_A, name);
      const next = libc.outcome(
        libc.openat(at, this.#pathA, libc.O_PATH | libc.O_NOFOLLOW | libc.O_DIRECTORY | libc.O_CLOEXEC, 0),
      );
      if (at !== dir) libc.close(at);
      if (next < 0) return next;
      at = next;
    }
    this.#put(PATH_A, last);
    const r = libc.outcome(libc.openat(at, this.#pathA, flags | libc.O_NOFOLLOW | libc.O_CLOEXEC, mode));
    if (at !== dir) libc.close(at);
    return r;
  }

  openRoot(path: string): HostFd | number {
    if (!this.#put(PATH_A, path)) return -ENAMETOOLONG;
    const readable = libc.outcome(libc.openat(AT_FDCWD, this.#pathA, libc.O_CLOEXEC | 0o4000, 0));
    if (readable >= 0) return readable;
    this.#put(PATH_A, path);
    return libc.outcome(libc.openat(AT_FDCWD, this.#pathA, libc.O_PATH | libc.O_CLOEXEC, 0));
  }

  reopen(fd: HostFd, flags: number): HostFd | number {
    this.#put(PATH_A, `/proc/self/fd/${fd}`);
    return libc.outcome(libc.openat(AT_FDCWD, this.#pathA, flags | libc.O_CLOEXEC, 0));
  }

  close(fd: HostFd): void {
    this.beforeClose(fd);
    this.#streams.delete(fd);
    libc.close(fd);
  }

  fstat(fd: HostFd, into: HostStat): number {
    return this.#stat(fd, this.#empty, libc.AT_EMPTY_PATH, into);
  }

  lstatBeneath(dir: HostFd, path: string, into: HostStat): number {
    if (path.includes('/')) {
      return this.#beneath(dir, path, (at, name) => this.lstatBeneath(at, name, into));
    }
    if (path === '..') return -EXDEV;
    if (!this.#put(PATH_A, path)) return -ENAMETOOLONG;
    return this.#stat(dir, this.#pathA, libc.AT_SYMLINK_NOFOLLOW | libc.AT_NO_AUTOMOUNT, into);
  }

  #stat(dir: number, path: number, flags: number, into: HostStat): number {
    const r = libc.statxCall(libc.NR.statx, dir, path, flags, STATX_ALL, this.#statx);
    if (r < 0) return libc.outcome(r);
    const v = this.#scratch.view;
    const u64 = (offset: number) =>
      v.getUint32(STATX + offset + 4, true) * 0x1_0000_0000 + v.getUint32(STATX + offset, true);
    const i64 = (offset: number) =>
      v.getInt32(STATX + offset + 4, true) * 0x1_0000_0000 + v.getUint32(STATX + offset, true);
    into.blksize = v.getUint32(STATX + 4, true);
    into.nlink = v.getUint32(STATX + 16, true);
    into.uid = v.getUint32(STATX + 20, true);
    into.gid = v.getUint32(STATX + 24, true);
    into.mode = v.getUint16(STATX + 28, true);
    into.ino = u64(32);
    into.size = u64(40);
    into.blocks = u64(48);
    into.atimeSec = i64(64);
    into.atimeNsec = v.getUint32(STATX + 72, true);
    into.btimeSec = i64(80);
    into.btimeNsec = v.getUint32(STATX + 88, true);
    into.ctimeSec = i64(96);
    into.ctimeNsec = v.getUint32(STATX + 104, true);
    into.mtimeSec = i64(112);
    into.mtimeNsec = v.getUint32(STATX + 120, true);
    into.rdevMajor = v.getUint32(STATX + 128, true);
    into.rdevMinor = v.getUint32(STATX + 132, true);
    const minor = v.getUint32(STATX + 140, true);
    into.dev = (v.getUint32(STATX + 136, true) * 0x100 + (minor & 0xff) + (minor >>> 8) * 0x100000) >>> 0;
    return 0;
  }

  readlinkBeneath(dir: HostFd, path: string): string | number {
    let text: string | number = 0;
    const read = (at: HostFd, name: string): number => {
      if (!this.#put(PATH_A, name)) return -ENAMETOOLONG;
      const n = libc.outcome(libc.readlinkat(at, this.#pathA, this.#scratch.at(LINK), PATH_MAX));
      text = n < 0 ? n : this.#scratch.bytes.toString('latin1', LINK, LINK + n);
      return n;
    };
    const r = this.#beneath(dir, path, read);
    return r < 0 ? r : text;
  }

  readDirectory(fd: HostFd): HostDirEntry[] | number {
    const start = libc.outcome(libc.lseek(fd, 0, 0));
    if (start < 0) return start;
    const entries: HostDirEntry[] = [];
    const { bytes, view } = this.#scratch;
    for (;;) {
      const n = libc.outcome(
        libc.getdents64Call(libc.NR.getdents64, fd, this.#scratch.at(DIRENTS), DIRENTS_SIZE),
      );
      if (n < 0) return n;
      if (n === 0) return entries;
      for (let at = DIRENTS; at < DIRENTS + n; ) {
        const length = view.getUint16(at + 16, true);
        // The name ends at the first NUL of the last eight bytes of the record.
        const end = bytes.indexOf(0, Math.max(at + 19, at + length - 8));
        const name = bytes.toString('latin1', at + 19, end);
        if (name !== '.' && name !== '..') {
          const ino = view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
          entries.push({ name, ino, type: view.getUint8(at + 18) });
        }
        at += length;
      }
    }
  }

  pread(fd: HostFd, into: Uint8Array, offset: number): number {
    return libc.outcome(libc.pread(fd, into, into.length, offset));
  }

  pwrite(fd: HostFd, from: Uint8Array, offset: number): number {
    return libc.outcome(libc.pwrite(fd, from, from.length, offset));
  }

  readStream(fd: HostFd, into: Uint8Array): number {
    const kind = this.#kindOf(fd);
    if (kind === 'file') return libc.outcome(libc.read(fd, into, into.length));
    if (kind === 'nowait') {
      const r = this.#vectored(libc.preadv2, fd, into);
      if (r !== -EOPNOTSUPP && r !== -ENOSYS && r !== -EINVAL) return r;
      this.#streams.set(fd, 'poll');
    }
    const ready = this.poll(fd, POLLIN);
    if (ready < 0) return ready;
    if ((ready & (POLLIN | POLL_ENDED)) === 0) return -EAGAIN;
    return libc.outcome(libc.read(fd, into, into.length));
  }

  peekStream(fd: HostFd, how: 'pipe' | 'socket'): Uint8Array | number {
    return peekStream(fd, how);
  }

  writeStream(fd: HostFd, from: Uint8Array): number {
    const kind = this.#kindOf(fd);
    if (kind === 'file') return libc.outcome(libc.write(fd, from, from.length));
    if (kind === 'nowait') {
      const r = this.#vectored(libc.pwritev2, fd, from);
      if (r !== -EOPNOTSUPP && r !== -ENOSYS && r !== -EINVAL) return r;
      this.#streams.set(fd, 'poll');
    }
    let done = 0;
    do {
      const ready = this.poll(fd, POLLOUT);
      if (ready < 0) return done > 0 ? done : ready;
      if ((ready & (POLLOUT | POLL_ENDED)) === 0) return done > 0 ? done : -EAGAIN;
      const piece = from.subarray(done, done + SAFE_WRITE);
      const n = libc.outcome(libc.write(fd, piece, piece.length));
      if (n < 0) return done > 0 ? done : n;
      done += n;
      if (n < piece.length) break;
    } while (done < from.length);
    return done;
  }

  #vectored(call: typeof libc.preadv2, fd: HostFd, bytes: Uint8Array): number {
    const view = this.#scratch.view;
    const address = libc.addressOf(bytes);
    view.setUint32(IOVEC, address >>> 0, true);
    view.setUint32(IOVEC + 4, Math.floor(address / 0x1_0000_0000), true);
    view.setUint32(IOVEC + 8, bytes.length, true);
    view.setUint32(IOVEC + 12, 0, true);
    return libc.outcome(call(fd, this.#scratch.at(IOVEC), 1, -1, RWF_NOWAIT));
  }

  #kindOf(fd: HostFd): StreamKind {
    let kind = this.#streams.get(fd);
    if (!kind) {
      const r = libc.statxCall(libc.NR.statx, fd, this.#empty, libc.AT_EMPTY_PATH, STATX_ALL, this.#statx);
      const type = r < 0 ? 0 : this.#scratch.view.getUint16(STATX + 28, true) & 0o170000;
      // Regular files and block devices: RWF_NOWAIT would refuse what is not cached yet.
      kind = type === 0o100000 || type === 0o060000 ? 'file' : 'nowait';
      this.#streams.set(fd, kind);
    }
    return kind;
  }

  ftruncate(fd: HostFd, size: number): number {
    return libc.outcome(libc.ftruncate(fd, size));
  }

  punchHole(fd: HostFd, offset: number, length: number): number {
    return libc.outcome(libc.fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, offset, length));
  }

  fsync(fd: HostFd): number {
    return libc.outcome(libc.fsync(fd));
  }

  mkdirBeneath(dir: HostFd, path: string, mode: number): number {
    return this.#beneath(dir, path, (at, name) => {
      if (!this.#put(PATH_A, name)) return -ENAMETOOLONG;
      return libc.outcome(libc.mkdirat(at, this.#pathA, mode));
    });
  }

  unlinkBeneath(dir: HostFd, path: string, flags: number): number {
    return this.#beneath(dir, path, (at, name) => {
      if (!this.#put(PATH_A, name)) return -ENAMETOOLONG;
      return libc.outcome(libc.unlinkat(at, this.#pathA, flags));
    });
  }

  renameBeneath(fromDir: HostFd, from: string, toDir: HostFd, to: string, flags: number): number {
    return this.#beneath(fromDir, from, (at, name) =>
      this.#beneath(toDir, to, (toAt, toName) => {
        if (!this.#put(PATH_A, name) || !this.#put(PATH_B, toName)) return -ENAMETOOLONG;
        return libc.outcome(libc.renameat2Call(libc.NR.renameat2, at, this.#pathA, toAt, this.#pathB, flags));
      }),
    );
  }

  symlinkBeneath(target: string, dir: HostFd, path: string): number {
    return this.#beneath(dir, path, (at, name) => {
      if (!this.#put(PATH_A, target) || !this.#put(PATH_B, name)) return -ENAMETOOLONG;
      return libc.outcome(libc.symlinkat(this.#pathA, at, this.#pathB));
    });
  }

  linkBeneath(fromDir: HostFd, from: string, toDir: HostFd, to: string): number {
    return this.#beneath(fromDir, from, (at, name) =>
      this.#beneath(toDir, to, (toAt, toName) => {
        if (!this.#put(PATH_A, name) || !this.#put(PATH_B, toName)) return -ENAMETOOLONG;
        return libc.outcome(libc.linkat(at, this.#pathA, toAt, this.#pathB, 0));
      }),
    );
  }

  fchmod(fd: HostFd, mode: number): number {
    const r = libc.outcome(libc.fchmod(fd, mode));
    if (r !== -EBADF) return r;
    // O_PATH descriptors are refused; their entry in /proc is not.
    this.#put(PATH_A, `/proc/self/fd/${fd}`);
    return libc.outcome(libc.fchmodat(AT_FDCWD, this.#pathA, mode, 0));
  }

  fchown(fd: HostFd, uid: number, gid: number): number {
    return libc.outcome(libc.fchownat(fd, this.#empty, uid >>> 0, gid >>> 0, libc.AT_EMPTY_PATH));
  }

  futimens(fd: HostFd, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): number {
    const view = this.#scratch.view;
    for (const [at, time] of [
      [TIMES, atimeNs],
      [TIMES + 16, mtimeNs],
    ] as const) {
      const nsec = time === undefined ? 0n : ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
      view.setBigInt64(at, time === undefined ? 0n : (time - nsec) / 1_000_000_000n, true);
      view.setBigInt64(at + 8, time === undefined ? BigInt(UTIME_OMIT) : nsec, true);
    }
    return libc.outcome(libc.utimensat(fd, this.#empty, this.#scratch.at(TIMES), libc.AT_EMPTY_PATH));
  }

  statfs(fd: HostFd): HostStatfs | number {
    const r = libc.outcome(libc.fstatfs(fd, this.#scratch.at(STATFS)));
    if (r < 0) return r;
    const word = (index: number) => Number(this.#scratch.view.getBigUint64(STATFS + index * 8, true));
    return {
      type: word(0),
      bsize: word(1),
      blocks: word(2),
      bfree: word(3),
      bavail: word(4),
      files: word(5),
      ffree: word(6),
      namelen: word(8),
    };
  }

  lseek(fd: HostFd, offset: number, whence: number): number {
    return libc.outcome(libc.lseek(fd, offset, whence));
  }

  poll(fd: HostFd, events: number): number {
    const view = this.#scratch.view;
    view.setInt32(POLLFD, fd, true);
    view.setInt16(POLLFD + 4, events, true);
    view.setInt16(POLLFD + 6, 0, true);
    const r = libc.outcome(libc.poll(this.#scratch.at(POLLFD), 1, 0));
    return r < 0 ? r : view.getUint16(POLLFD + 6, true);
  }

  ioctl(fd: HostFd, request: number, buffer: Uint8Array): number {
    return libc.outcome(libc.ioctl(fd, request, buffer));
  }

  ioctlValue(fd: HostFd, request: number, value: number): number {
    return libc.outcome(libc.ioctlValue(fd, request, value));
  }

  getXattr(fd: HostFd, name: string): Uint8Array | number {
    this.#put(PATH_A, `/proc/self/fd/${fd}`);
    if (!this.#put(PATH_B, name)) return -ERANGE;
    const n = libc.outcome(libc.getxattr(this.#pathA, this.#pathB, this.#scratch.at(DIRENTS), DIRENTS_SIZE));
    return n < 0 ? n : new Uint8Array(this.#scratch.bytes.subarray(DIRENTS, DIRENTS + n));
  }

  listXattr(fd: HostFd): string[] | number {
    this.#put(PATH_A, `/proc/self/fd/${fd}`);
    const n = libc.outcome(libc.listxattr(this.#pathA, this.#scratch.at(DIRENTS), DIRENTS_SIZE));
    if (n < 0) return n;
    return this.#scratch.bytes
      .toString('latin1', DIRENTS, DIRENTS + n)
      .split('\0')
      .filter((name: string) => name !== '');
  }

  memfd(name: string): HostFd | number {
    this.#put(PATH_A, name.slice(0, 200));
    const fd = libc.outcome(libc.memfdCreateCall(libc.NR.memfdCreate, this.#pathA, 1));
    if (fd === -EMFILE || fd === -ENFILE) return -ENOMEM;
    // Numbers are the lowest that are free: one so high says that nearly all are taken.
    if (fd < this.#spareDescriptors) return fd;
    libc.close(fd);
    return -ENOMEM;
  }

  /** Calls `act` with the directory that `path` ends in and the last name. */
  #beneath(dir: HostFd, path: string, act: (at: HostFd, name: string) => number): number {
    const slash = path.lastIndexOf('/');
    if (slash < 0) return path === '..' || path === '.' ? -EINVAL : act(dir, path);
    if (slash === path.length - 1) return -ENOTDIR;
    const at = this.openBeneath(dir, path.slice(0, slash), libc.O_PATH | libc.O_DIRECTORY, 0);
    if (at < 0) return at;
    const r = act(at as HostFd, path.slice(slash + 1));
    libc.close(at);
    return r;
  }

  /** Writes a NUL-terminated path into the scratch memory; false when it is too long. */
  #put(at: number, path: string): boolean {
    if (path.length >= PATH_MAX) return false;
    const bytes = this.#scratch.bytes;
    bytes.write(path, at, 'latin1');
    bytes[at + path.length] = 0;
    return true;
  }
}

export function newHostFiles(): NodeHostFiles {
  return new NodeHostFiles();
}
