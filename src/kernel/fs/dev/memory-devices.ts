/**
 * /dev/null, zero, full, random and urandom: null(4), full(4), random(4). Linux: drivers/char/mem.c,
 * drivers/char/random.c.
 */
import { E } from '../../../abi/errno.js';
import { O_ACCMODE, O_RDONLY, O_WRONLY } from '../../../abi/open.js';
import { type HostFd, userAddr } from '../../../base/brand.js';
import { type Failure, fail, type Result } from '../../outcome.js';
import { membersOf, type SaveWalk } from '../../save/graph.js';
import type { KernelServices, Random } from '../../services.js';
import type { Task } from '../../task/task.js';
import { FileDescription, type Mappable, type Tried } from '../file-description.js';
import { hostFailure } from '../host-failure.js';
import type { HostFiles } from '../host-files.js';
import type { Inode } from '../inode.js';
import type { Sink, Source } from '../io.js';
import type { VfsPath } from '../path.js';
import type { DeviceRegistry } from './registry.js';

export const MEM_MAJOR = 1;
export const NULL_MINOR = 3;
export const ZERO_MINOR = 5;
export const FULL_MINOR = 7;
export const RANDOM_MINOR = 8;
export const URANDOM_MINOR = 9;

/** Room for any mapping; nothing of it is there before it is touched. */
const ZERO_SIZE = 2 ** 42;
const RNDGETENTCNT = 0x8004_5200;

export function registerMemoryDevices(registry: DeviceRegistry, services: KernelServices): void {
  registry.register(MEM_MAJOR, NULL_MINOR, (inode, _rdev, flags, path) => new NullDevice(inode, path, flags));
  registry.register(
    MEM_MAJOR,
    ZERO_MINOR,
    (inode, _rdev, flags, path) => new ZeroDevice(inode, path, flags, services.hostFiles),
  );
  registry.register(MEM_MAJOR, FULL_MINOR, (inode, _rdev, flags, path) => new FullDevice(inode, path, flags));
  for (const minor of [RANDOM_MINOR, URANDOM_MINOR]) {
    registry.register(
      MEM_MAJOR,
      minor,
      (inode, _rdev, flags, path) => new RandomDevice(inode, path, flags, services.random),
    );
  }
}

abstract class MemoryDevice extends FileDescription {
  override get pollable(): boolean {
    return false;
  }

  /** Linux's null_lseek: any position is the start. */
  override seek(): number {
    this.offset = 0;
    return 0;
  }

  override tryRead(to: Sink): Tried<number> {
    return (this.flags & O_ACCMODE) === O_WRONLY ? fail(E.EBADF) : this.produce(to);
  }

  override tryWrite(from: Source): Tried<number> {
    return (this.flags & O_ACCMODE) === O_RDONLY ? fail(E.EBADF) : this.consume(from);
  }

  protected abstract produce(to: Sink): number | Failure;

  /** What is written is not even looked at: bad addresses are no error, as in Linux. */
  protected consume(from: Source): number | Failure {
    return from.skip(from.remaining);
  }
}

export class NullDevice extends MemoryDevice {
  protected override produce(): number {
    return 0;
  }
}

export class FullDevice extends MemoryDevice {
  protected override produce(to: Sink): number | Failure {
    return putZeros(to);
  }

  protected override consume(from: Source): number | Failure {
    return from.remaining === 0 ? 0 : fail(E.ENOSPC);
  }
}

export class ZeroDevice extends MemoryDevice {
  private _zeros: HostFd | undefined;
  private _shared: HostFd[] = [];

  constructor(
    inode: Inode,
    path: VfsPath | undefined,
    flags: number,
    readonly hostFiles: HostFiles,
  ) {
    super(inode, path, flags);
  }

  /** Zeros to copy need not be the same ones; a shared mapping's content is nowhere but there. */
  toSaved(save: SaveWalk): Record<string, unknown> {
    if (this._shared.length > 0) save.refuse('a shared mapping of /dev/zero cannot be saved');
    return membersOf(this, ['_zeros', '_shared', ...FileDescription.unsaved]);
  }

  fromSaved(saved: Record<string, unknown>): void {
    Object.assign(this, saved, { _zeros: undefined, _shared: [] });
  }

  protected override produce(to: Sink): number | Failure {
    return putZeros(to);
  }

  /** Zeros to copy on write; a shared mapping is a new object each time (shmem_zero_setup). */
  override mappable(options: { shared: boolean; write: boolean }): Mappable | Failure {
    if (!options.shared && this._zeros !== undefined) return { fd: this._zeros, base: 0 };
    const fd = this.hostFiles.memfd('zero');
    if (fd < 0) return hostFailure(fd);
    const failed = this.hostFiles.ftruncate(fd as HostFd, ZERO_SIZE);
    if (failed < 0) {
      this.hostFiles.close(fd as HostFd);
      return hostFailure(failed);
    }
    if (options.shared) this._shared.push(fd as HostFd);
    else this._zeros = fd as HostFd;
    return { fd: fd as HostFd, base: 0 };
  }

  protected override onClose(): void {
    if (this._zeros !== undefined) this.hostFiles.close(this._zeros);
    for (const fd of this._shared) this.hostFiles.close(fd);
  }
}

export class RandomDevice extends MemoryDevice {
  constructor(
    inode: Inode,
    path: VfsPath | undefined,
    flags: number,
    readonly random: Random,
  ) {
    super(inode, path, flags);
  }

  override get pollable(): boolean {
    return true;
  }

  protected override produce(to: Sink): number | Failure {
    const piece = new Uint8Array(Math.min(to.remaining, 65_536));
    let done = 0;
    while (to.remaining > 0) {
      const bytes = piece.subarray(0, Math.min(piece.length, to.remaining));
      this.random.fill(bytes);
      const n = to.put(bytes);
      done += n;
      if (n < bytes.length) return done > 0 ? done : fail(E.EFAULT);
    }
    return done;
  }

  /** Writing stirs the pool; ours needs no stirring. */
  override ioctl(task: Task, request: number, arg: number): Result {
    if (request !== RNDGETENTCNT) return fail(E.EINVAL);
    task.memory.writeU32(userAddr(arg), 256);
    return 0;
  }
}

function putZeros(to: Sink): number | Failure {
  const wanted = to.remaining;
  const n = to.putZeros(wanted);
  return n === 0 && wanted > 0 ? fail(E.EFAULT) : n;
}
