/**
 * The descriptors of a body: they are its deputy's. What is left to do here is to map an open file, or
 * to execute it; the description is borrowed for that and given back by the time of the next one.
 */
import { E } from '../../abi/errno.js';
import { O_PATH } from '../../abi/open.js';
import { FdTable } from '../fs/fd-table.js';
import type { FileDescription } from '../fs/file-description.js';
import { SyscallError } from '../outcome.js';
import type { Task } from '../task/task.js';
import type { AwayLink } from './away-link.js';

export class AwayFdTable extends FdTable {
  /** Any task of those that share it: they share the deputy's descriptors too. */
  owner: Task | undefined;
  private _borrowed: FileDescription | undefined;

  constructor(readonly link: AwayLink) {
    super();
  }

  override require(fd: number): FileDescription {
    const file = this.requireAny(fd);
    if (file.flags & O_PATH) throw new SyscallError(E.EBADF);
    return file;
  }

  override requireAny(fd: number): FileDescription {
    this._giveBack();
    const { current } = this.owner?.kernel.tasks ?? {};
    if (!current) throw new SyscallError(E.EBADF);
    this._borrowed = this.link.file(current.tid, fd);
    return this._borrowed;
  }

  override fork(): AwayFdTable {
    const copy = new AwayFdTable(this.link);
    copy.owner = this.owner;
    return copy;
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
