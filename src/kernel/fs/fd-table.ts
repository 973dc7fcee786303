/**
 * A table of file descriptors, shared by the tasks that share CLONE_FILES. Linux: fs/file.c.
 *
 * Invariants: an entry owns one reference of its description; no number below `#lowestFree` is free.
 */
import { E } from '../../abi/errno.js';
import { O_PATH } from '../../abi/open.js';
import type { Fd } from '../../base/brand.js';
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
  #files: (FileDescription | undefined)[] = [];
  #closeOnExec = new Set<number>();
  #lowestFree = 0;
  #references = 1;

  get(fd: number): FileDescription | undefined {
    return this.#files[fd];
  }

  /** The open file, or EBADF; one opened with O_PATH counts as not open (Linux: fdget). */
  require(fd: number): FileDescription {
    const file = this.#files[fd];
    if (!file || file.flags & O_PATH) throw new SyscallError(E.EBADF);
    return file;
  }

  /** As `require`, and O_PATH descriptors are fine too (Linux: fdget_raw). */
  requireAny(fd: number): FileDescription {
    const file = this.#files[fd];
    if (!file) throw new SyscallError(E.EBADF);
    return file;
  }

  /** Gives the file the lowest free number, and takes over the caller's reference unless it fails. */
  install(file: FileDescription, options: InstallOptions): Fd | Failure {
    const min = options.min ?? 0;
    let fd = Math.max(min, this.#lowestFree);
    while (this.#files[fd]) fd++;
    if (fd >= options.limit) return fail(E.EMFILE);
    this.#set(fd, file, options.closeOnExec);
    if (min <= this.#lowestFree) this.#lowestFree = fd + 1;
    return fd as Fd;
  }

  /** Puts the file at this number, in place of what is there (dup2). Takes over the caller's reference. */
  installAt(fd: number, file: FileDescription, options: { closeOnExec: boolean }): void {
    const before = this.#files[fd];
    this.#set(fd, file, options.closeOnExec);
    if (before) this.#drop(before);
  }

  close(fd: number): Failure | undefined {
    const file = this.#files[fd];
    if (!file) return fail(E.EBADF);
    this.#files[fd] = undefined;
    this.#closeOnExec.delete(fd);
    if (fd < this.#lowestFree) this.#lowestFree = fd;
    if (fd === this.#files.length - 1) this.#trim();
    this.#drop(file);
    return undefined;
  }

  isCloseOnExec(fd: number): boolean {
    return this.#closeOnExec.has(fd);
  }

  setCloseOnExec(fd: number, on: boolean): void {
    if (on) this.#closeOnExec.add(fd);
    else this.#closeOnExec.delete(fd);
  }

  /** A copy with references of its own: fork(2), unshare(CLONE_FILES). */
  fork(): FdTable {
    const copy = new FdTable();
    copy.#files = this.#files.map((file) => file?.retain());
    copy.#closeOnExec = new Set(this.#closeOnExec);
    copy.#lowestFree = this.#lowestFree;
    return copy;
  }

  /** execve(2) closes what is marked so. */
  closeOnExec(): void {
    for (const fd of [...this.#closeOnExec]) this.close(fd);
  }

  *entries(): IterableIterator<[number, FileDescription]> {
    for (let fd = 0; fd < this.#files.length; fd++) {
      const file = this.#files[fd];
      if (file) yield [fd, file];
    }
  }

  /** One above the highest number in use. */
  get end(): number {
    return this.#files.length;
  }

  get shared(): boolean {
    return this.#references > 1;
  }

  retain(): this {
    this.#references++;
    return this;
  }

  /** Gives up one sharer; the last one closes everything. */
  release(): void {
    if (--this.#references > 0) return;
    for (let fd = 0; fd < this.#files.length; fd++) this.close(fd);
  }

  #set(fd: number, file: FileDescription, closeOnExec: boolean): void {
    // Holes are filled in: a sparse array would turn into a slow dictionary.
    while (this.#files.length < fd) this.#files.push(undefined);
    this.#files[fd] = file;
    this.setCloseOnExec(fd, closeOnExec);
  }

  #trim(): void {
    while (this.#files.length > 0 && !this.#files[this.#files.length - 1]) this.#files.pop();
  }

  /** POSIX record locks of a process go with any of its descriptors for the file (fcntl(2)). */
  #drop(file: FileDescription): void {
    dropRecordLocks(file.inode, this);
    file.release();
  }
}
