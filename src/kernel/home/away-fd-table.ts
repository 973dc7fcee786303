/**
 * The descriptors of a body: they are its deputy's. What is left to do here is to map an open file, or
 * to execute it; the description is borrowed for that and given back by the time of the next one.
 */
import { E } from '../../abi/errno.js';
import { O_PATH } from '../../abi/open.js';
import { FdTable } from '../fs/fd-table.js';
import type { FileDescription } from '../fs/file-description.js';
import type { VfsPath } from '../fs/path.js';
import { Failure, fail, SyscallError } from '../outcome.js';
import type { Task } from '../task/task.js';
import type { AwayLink } from './away-link.js';

export class AwayFdTable extends FdTable {
  /** Any task of those that share it: they share the deputy's descriptors too. */
  owner: Task | undefined;
  private _borrowed: FileDescription | undefined;
  /** Which it is, and what of its process had gone home by then. */
  private _fd = -1;
  private _callsHome: number | undefined;
  private _messages = 0;

  constructor(readonly link: AwayLink) {
    super();
  }

  override require(fd: number): FileDescription {
    const file = this.requireAny(fd);
    if (file.flags & O_PATH) throw new SyscallError(E.EBADF);
    return file;
  }

  override requireAny(fd: number): FileDescription {
    const { current } = this.owner?.kernel.tasks ?? {};
    if (!current) throw new SyscallError(E.EBADF);
    const { callsHome } = current.context;
    if (this._borrowed && this._isStill(fd, callsHome)) return this._borrowed;
    this._giveBack();
    this._borrowed = this.link.file(current.tid, fd);
    this._fd = fd;
    this._callsHome = callsHome;
    this._messages = this.link.calls;
    return this._borrowed;
  }

  /** Descriptors change by calls that go home: where one thread has them and made none, they are what they were. */
  private _isStill(fd: number, callsHome: number | undefined): boolean {
    if (fd !== this._fd || callsHome === undefined || this.shared) return false;
    return callsHome === this._callsHome && this.link.calls === this._messages;
  }

  /** The place of a program below a descriptor: execveat(2). */
  programBelow(fd: number, path: string, followLast: boolean): VfsPath | Failure {
    const { current } = this.owner?.kernel.tasks ?? {};
    if (!current) return fail(E.EBADF);
    this._giveBack();
    const file = this.link.programBelow(current.tid, fd, path, followLast);
    if (file instanceof Failure) return file;
    this._borrowed = file;
    this._fd = -1;
    return file.place;
  }

  override fork(): AwayFdTable {
    const copy = new AwayFdTable(this.link);
    copy.owner = this.owner;
    return copy;
  }

  override closeOnExec(): void {
    this._giveBack();
    super.closeOnExec();
  }

  override release(): void {
    this._giveBack();
    super.release();
  }

  private _giveBack(): void {
    this._borrowed?.release();
    this._borrowed = undefined;
  }
}
