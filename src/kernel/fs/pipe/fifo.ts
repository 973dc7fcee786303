/**
 * FIFOs, fifo(7): a pipe that is met by name. An inode of type S_IFIFO holds one Fifo and its `open`
 * calls `fifo.open`; the pipe, and what is in it, lives while anybody has it open. Models fifo_open of
 * Linux's fs/pipe.c.
 *
 * `open` does not wait: the description's `finishOpen` is the wait for the other side, and counts
 * opens, so that a partner that came and went meanwhile is not missed.
 */
import { E } from '../../../abi/errno.js';
import { O_ACCMODE, O_NONBLOCK, O_RDONLY, O_WRONLY } from '../../../abi/open.js';
import { type Blocking, type Failure, fail, RESTART_IF_SA_RESTART, type Restart } from '../../outcome.js';
import { block, ERR, HUP, IN, OUT, WOULD_BLOCK } from '../../wait.js';
import type { FileDescription } from '../file-description.js';
import type { Inode } from '../inode.js';
import type { VfsPath } from '../path.js';
import { Pipe } from './pipe.js';
import { PipeFile } from './pipe-file.js';

export class Fifo {
  private _pipe: Pipe | undefined;
  /** A pipe without a name, which /proc/pid/fd opens: such an open waits for nobody. */
  private readonly _nameless: boolean;

  constructor(pipe?: Pipe) {
    this._pipe = pipe;
    this._nameless = pipe !== undefined;
  }

  open(inode: Inode, flags: number, path: VfsPath | undefined): FileDescription | Failure {
    const access = flags & O_ACCMODE;
    if (access === O_ACCMODE) return fail(E.EINVAL);
    const open = this._pipe;
    const live = open !== undefined && (this._nameless || open.readers + open.writers > 0);
    const pipe = live ? open : new Pipe();
    const wait = (flags & O_NONBLOCK) === 0;
    if (!this._nameless && access === O_WRONLY && !wait && pipe.readers === 0) return fail(E.ENXIO);
    this._pipe = pipe;

    const file = new FifoFile(pipe, inode, path, flags);
    if (this._nameless) return file;
    if (access === O_RDONLY && pipe.writers === 0) {
      if (wait) file.partner = { side: 'writerOpens', seen: pipe.writerOpens };
      else file.quietUntil = pipe.writerOpens;
    }
    if (access === O_WRONLY && pipe.readers === 0) {
      file.partner = { side: 'readerOpens', seen: pipe.readerOpens };
    }
    return file;
  }
}

export class FifoFile extends PipeFile {
  /** Whom the open waits for, and how many of them had come before. */
  partner: { readonly side: 'readerOpens' | 'writerOpens'; readonly seen: number } | undefined;

  override finishOpen(): Blocking<Failure | Restart | undefined> | undefined {
    return this.partner ? this._await(this.partner) : undefined;
  }

  private *_await(partner: {
    side: 'readerOpens' | 'writerOpens';
    seen: number;
  }): Blocking<Failure | Restart | undefined> {
    const met = yield* block(this.pipe.queue, IN | OUT | HUP | ERR, () =>
      this.pipe[partner.side] === partner.seen ? WOULD_BLOCK : true,
    );
    this.partner = undefined;
    return met === true ? undefined : RESTART_IF_SA_RESTART;
  }
}
