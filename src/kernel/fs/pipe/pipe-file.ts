/**
 * One end of a pipe, or both (a FIFO opened O_RDWR), as an open file description. Models the file
 * operations of Linux's fs/pipe.c.
 */
import { E } from '../../../abi/errno.js';
import { F_GETPIPE_SZ, F_SETPIPE_SZ, O_ACCMODE, O_DIRECT, O_RDONLY, O_WRONLY } from '../../../abi/open.js';
import { userAddr } from '../../../base/brand.js';
import { type Failure, fail, type Result } from '../../outcome.js';
import type { Task } from '../../task/task.js';
import { ERR, HUP, IN, OUT, RDNORM, WRNORM } from '../../wait.js';
import { FileDescription, type Tried } from '../file-description.js';
import type { Inode } from '../inode.js';
import type { Sink, Source } from '../io.js';
import type { VfsPath } from '../path.js';
import type { Pipe } from './pipe.js';

const FIONREAD = 0x541b;

export class PipeFile extends FileDescription {
  readonly canRead: boolean;
  readonly canWrite: boolean;
  /**
   * Writers' opens that do not count for a hang-up: a FIFO opened O_NONBLOCK for reading has not lost
   * a writer before one has come. Undefined: no writer is a hang-up.
   */
  quietUntil: number | undefined;

  constructor(
    readonly pipe: Pipe,
    inode: Inode,
    path: VfsPath | undefined,
    flags: number,
  ) {
    super(inode, path, flags);
    const access = flags & O_ACCMODE;
    this.canRead = access !== O_WRONLY;
    this.canWrite = access !== O_RDONLY;
    if (this.canRead) pipe.addReader();
    if (this.canWrite) pipe.addWriter();
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    if (!this.canRead) return fail(E.EBADF);
    return this.pipe.tryRead(to);
  }

  override tryWrite(from: Source, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    if (!this.canWrite) return fail(E.EBADF);
    return this.pipe.tryWrite(from, (this.flags & O_DIRECT) !== 0 ? 'packets' : 'stream');
  }

  override readiness(): number {
    const { pipe } = this;
    let events = 0;
    if (this.canRead) {
      if (!pipe.empty) events |= IN | RDNORM;
      if (pipe.writers === 0 && this.quietUntil !== pipe.writerOpens) events |= HUP;
    }
    if (this.canWrite) {
      if (!pipe.full) events |= OUT | WRNORM;
      if (pipe.readers === 0) events |= ERR;
    }
    return events;
  }

  override listen(mask: number, wake: (events: number) => void): () => void {
    return this.pipe.queue.listen(mask, wake);
  }

  override ioctl(task: Task, request: number, arg: number): Result {
    if (request !== FIONREAD) return fail(E.ENOTTY);
    task.memory.writeU32(userAddr(arg), this.pipe.size);
    return 0;
  }

  override fsync(): Failure | undefined {
    return fail(E.EINVAL);
  }

  override fcntl(task: Task, command: number, arg: number): Result {
    if (command === F_GETPIPE_SZ) return this.pipe.capacity;
    if (command === F_SETPIPE_SZ) return this.pipe.resize(arg, task.creds);
    return fail(E.EINVAL);
  }

  override linkName(): string {
    return `pipe:[${this.inode.attributes().ino}]`;
  }

  protected override onClose(): void {
    if (this.canRead) this.pipe.dropReader();
    if (this.canWrite) this.pipe.dropWriter();
  }
}
