/**
 * A table of file descriptors, shared by the tasks that share CLONE_FILES. Linux: fs/file.c.
 *
 * Invariants: an entry owns one reference of its description; no number below `_lowestFree` is free.
 */
import { E } from '../../abi/errno.js';
import { O_PATH } from '../../abi/open.js';
import type { Fd } from '../../base/brand.js';
import { COST, KernelMemory } from '../kernel-memory.js';
import { type Failure, fail, SyscallError } from '../outcome.js';
import type { FileDescription } from './file-description.js';
import { dropRecordLocks } from './locks/lock-table.js';

export interface InstallOptions {
  /** The lowest number wanted (F_DUPFD). */
  readonly min?: number;
  readonly closeOnExec: boolean;
  /** RLIMIT_NOFILE: numbers from here on are refused. */
  readonly limit: number;
}

export class FdTable {
  private _files: (FileDescription | undefined)[] = [];
  private _closeOnExec = new Set<number>();
  private _lowestFree = 0;
  private _references = 1;

  constructor(
    /** What the table and the files that it takes are charged to. */
    private readonly _room = new KernelMemory(),
  ) {}

  get(fd: number): FileDescription | undefined {
    return this._files[fd];
  }

  /** The open file, or EBADF; one opened with O_PATH counts as not open (Linux: fdget). */
  require(fd: number): FileDescription {
    const file = this._files[fd];
    if (!file || file.flags & O_PATH) throw new SyscallError(E.EBADF);
    return file;
  }

  /** As `require`, and O_PATH descriptors are fine too (Linux: fdget_raw). */
  requireAny(fd: number): FileDescription {
    const file = this._files[fd];
    if (!file) throw new SyscallError(E.EBADF);
    return file;
  }

  /** Gives the file the lowest free number, and takes over the caller's reference unless it fails. */
  install(file: FileDescription, options: InstallOptions): Fd | Failure {
    const min = options.min ?? 0;
    let fd = Math.max(min, this._lowestFree);
    while (this._files[fd]) fd++;
    if (fd >= options.limit) return fail(E.EMFILE);
    if (!this.mayHold(fd)) return fail(E.ENOMEM);
    if (!file.chargeTo(this._room)) return fail(E.ENFILE);
    this._set(fd, file, options.closeOnExec);
    if (min <= this._lowestFree) this._lowestFree = fd + 1;
    return fd as Fd;
  }

  /** Whether the table may grow to this number; with holes, so that one descriptor may cost many. */
  mayHold(fd: number): boolean {
    return fd < this._files.length || this._room.has((fd + 1 - this._files.length) * COST.descriptor);
  }

  /** What a copy of it takes of the kernel's memory. */
  get copyBytes(): number {
    return this._files.length * COST.descriptor;
  }

  /** Puts the file at this number, in place of what is there (dup2). Takes over the caller's reference. */
  installAt(fd: number, file: FileDescription, options: { closeOnExec: boolean }): void {
    const before = this._files[fd];
    file.chargeTo(this._room);
    this._set(fd, file, options.closeOnExec);
    if (before) this._drop(before);
  }

  close(fd: number): Failure | undefined {
    const file = this._files[fd];
    if (!file) return fail(E.EBADF);
    this._files[fd] = undefined;
    this._closeOnExec.delete(fd);
    if (fd < this._lowestFree) this._lowestFree = fd;
    if (fd === this._files.length - 1) this._trim();
    this._drop(file);
    return undefined;
  }

  isCloseOnExec(fd: number): boolean {
    return this._closeOnExec.has(fd);
  }

  setCloseOnExec(fd: number, on: boolean): void {
    if (on) this._closeOnExec.add(fd);
    else this._closeOnExec.delete(fd);
  }

  /** A copy with references of its own: fork(2), unshare(CLONE_FILES). */
  fork(): FdTable {
    const copy = new FdTable(this._room);
    copy._files = this._files.map((file) => file?.retain());
    copy._closeOnExec = new Set(this._closeOnExec);
    copy._lowestFree = this._lowestFree;
    this._room.take(this.copyBytes);
    return copy;
  }

  /** execve(2) closes what is marked so. */
  closeOnExec(): void {
    for (const fd of [...this._closeOnExec]) this.close(fd);
  }

  *entries(): IterableIterator<[number, FileDescription]> {
    for (let fd = 0; fd < this._files.length; fd++) {
      const file = this._files[fd];
      if (file) yield [fd, file];
    }
  }

  /** One above the highest number in use. */
  get end(): number {
    return this._files.length;
  }

  get shared(): boolean {
    return this._references > 1;
  }

  retain(): this {
    this._references++;
    return this;
  }

  /** Gives up one sharer; the last one closes everything. */
  release(): void {
    if (--this._references > 0) return;
    for (let fd = 0; fd < this._files.length; fd++) this.close(fd);
  }

  private _set(fd: number, file: FileDescription, closeOnExec: boolean): void {
    const before = this._files.length;
    // Holes are filled in: a sparse array would turn into a slow dictionary.
    while (this._files.length < fd) this._files.push(undefined);
    this._files[fd] = file;
    this._room.take((this._files.length - before) * COST.descriptor);
    this.setCloseOnExec(fd, closeOnExec);
  }

  private _trim(): void {
    const before = this._files.length;
    while (this._files.length > 0 && !this._files[this._files.length - 1]) this._files.pop();
    this._room.give((before - this._files.length) * COST.descriptor);
  }

  /** POSIX record locks of a process go with any of its descriptors for the file (fcntl(2)). */
  private _drop(file: FileDescription): void {
    dropRecordLocks(file.inode, this);
    file.release();
  }
}
