/**
 * Memory behind MAP_SHARED | MAP_ANONYMOUS, mmap(2): an unlinked file of a tmpfs nobody can reach
 * (Linux: shmem_zero_setup, which calls it "/dev/zero (deleted)").
 *
 * It is a memfd of ours rather than an anonymous mapping of the guest's host process, though fork
 * would share that as well: so shared futexes have an inode and an offset as key, other mappings of
 * it can be made (mremap with an old size of zero), and its contents can be found and saved. Growing
 * by mremap(2) gives SIGBUS beyond the first size either way, as on Linux.
 * Owner: the mappings; the last one closes the memfd.
 */

import { E, type Errno } from '../../abi/errno.js';
import { O_RDWR } from '../../abi/open.js';
import type { HostFd } from '../../base/brand.js';
import { PseudoFs, PseudoInode } from '../fs/anon/pseudo.js';
import { FileDescription, type Mappable } from '../fs/file-description.js';
import { newHostStat } from '../fs/host-files.js';
import { newMemory, type Piece, readMemory } from '../fs/memory-file.js';
import { kernelMemory } from '../kernel-memory.js';
import { type Failure, fail } from '../outcome.js';
import { PerKernel } from '../per-kernel.js';
import { type LoadWalk, membersOf } from '../save/graph.js';
import type { KernelServices } from '../services.js';

const TMPFS_MAGIC = 0x0102_1994;
const SHMEM_DEV = 1;
export const SHARED_ANONYMOUS_NAME = '/dev/zero (deleted)';

const shmemFs = new PerKernel('shmem', (kernel) => new PseudoFs('tmpfs', SHMEM_DEV, TMPFS_MAGIC, kernel));

export class SharedAnonymous extends FileDescription {
  private readonly _services: KernelServices;
  private _fd: HostFd;

  private constructor(services: KernelServices, fd: HostFd) {
    super(new PseudoInode(shmemFs.of(services), 0o100_777, { uid: 0, gid: 0 }), undefined, O_RDWR);
    this._services = services;
    this._fd = fd;
  }

  /** With one reference, the caller's. */
  static create(services: KernelServices, length: number): SharedAnonymous | Failure {
    const fd = services.hostFiles.memfd('shared');
    if (fd < 0) return fail(-fd as Errno);
    const failed = services.hostFiles.ftruncate(fd as HostFd, length);
    if (failed < 0) {
      services.hostFiles.close(fd as HostFd);
      return fail(-failed as Errno);
    }
    const file = new SharedAnonymous(services, fd as HostFd);
    if (file.chargeTo(kernelMemory.of(services))) return file;
    file.release();
    return fail(E.ENOMEM);
  }

  toSaved(): Record<string, unknown> {
    const { hostFiles } = this._services;
    const stat = newHostStat();
    hostFiles.fstat(this._fd, stat);
    const saved = { size: stat.size, pieces: readMemory(hostFiles, this._fd) };
    return { ...membersOf(this, ['_fd', ...FileDescription.unsaved]), saved };
  }

  fromSaved({ saved, ...members }: Record<string, unknown>, load: LoadWalk): void {
    Object.assign(this, members);
    const { size, pieces } = saved as { size: number; pieces: Piece[] };
    const fd = newMemory(this._services.hostFiles, 'shared', size, pieces);
    if (fd < 0) load.refuse(`the host has no memory to share (errno ${-fd})`);
    this._fd = fd as HostFd;
  }

  override mappable(): Mappable {
    return { fd: this._fd, base: 0 };
  }

  protected override onClose(): void {
    this._services.hostFiles.close(this._fd);
  }
}
