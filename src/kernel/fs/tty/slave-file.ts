/**
 * The terminal as programs have it open: /dev/pts/N, or /dev/tty. Linux: n_tty_read, n_tty_write and
 * n_tty_poll of drivers/tty/n_tty.c.
 */
import { E } from '../../../abi/errno.js';
import { SIG } from '../../../abi/signal.js';
import { TOSTOP, VMIN, VTIME } from '../../../abi/termios.js';
import {
  type Blocking,
  type Failure,
  fail,
  RESTART_IF_SA_RESTART,
  type Restart,
  type Result,
  type Resumed,
} from '../../outcome.js';
import type { Task } from '../../task/task.js';
import { block, ERR, HUP, IN, OUT, RDNORM, resumedDeadline, WOULD_BLOCK, WRNORM } from '../../wait.js';
import { FileDescription, type Tried } from '../file-description.js';
import type { Inode } from '../inode.js';
import type { Sink, Source } from '../io.js';
import type { VfsPath } from '../path.js';
import { checkForeground } from './job-control.js';
import type { SlaveSide, Terminal } from './terminal.js';
import { terminalIoctl } from './tty-ioctl.js';

const INPUT = IN | RDNORM | HUP | ERR;
/** VTIME counts tenths of a second. */
const DECISECOND_NS = 100_000_000;
const CHUNK = 1024;
const NOTHING = new Uint8Array(0);

export class SlaveFile extends FileDescription implements SlaveSide {
  hungUp = false;

  constructor(
    readonly terminal: Terminal,
    inode: Inode,
    path: VfsPath | undefined,
    flags: number,
  ) {
    super(inode, path, flags);
    terminal.opened(this);
  }

  /** What is there now; for those who cannot wait as a terminal wants it (splice). */
  override tryRead(to: Sink, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    const bytes = this._tryTake(to.remaining);
    return bytes instanceof Uint8Array ? to.put(bytes) : bytes;
  }

  /** VMIN and VTIME say how much a read without lines waits for, and how long. */
  override *gather(
    task: Task,
    length: number,
    options: { mayWait: boolean },
  ): Blocking<Uint8Array | Failure | Restart> {
    if (this.hungUp) return NOTHING;
    const refused = checkForeground(task, this.terminal, SIG.TTIN);
    if (refused) return refused;
    const { least, patienceNs, pauseNs } = this._patience();
    const { clock } = task.kernel;
    let deadlineNs = resumedDeadline(task, clock.monotonic() + patienceNs);
    let impatient = patienceNs === 0;
    let got = task.resumed?.gathered ?? NOTHING;
    const resume = (): Resumed => ({ gathered: got });
    while (got.length < length) {
      const piece = yield* block(
        this,
        INPUT,
        () => {
          const taken = this._tryTake(length - got.length);
          if (taken !== WOULD_BLOCK || (options.mayWait && !impatient)) return taken;
          return impatient ? NOTHING : fail(E.EAGAIN);
        },
        { deadlineNs, resume },
      );
      if (piece === 'timedOut') {
        impatient = true;
        continue;
      }
      if (!(piece instanceof Uint8Array)) {
        if (got.length > 0) break;
        return piece === 'interrupted' ? RESTART_IF_SA_RESTART : piece;
      }
      got = got.length === 0 ? piece : Buffer.concat([got, piece]);
      if (piece.length === 0 || got.length >= least) break;
      if (pauseNs > 0) deadlineNs = clock.monotonic() + pauseNs;
    }
    return got;
  }

  private _patience(): { least: number; patienceNs: number; pauseNs: number } {
    const { line, termios } = this.terminal;
    const forEver = Number.POSITIVE_INFINITY;
    if (line.canonical) return { least: 0, patienceNs: forEver, pauseNs: 0 };
    const least = termios.cc[VMIN] as number;
    const time = (termios.cc[VTIME] as number) * DECISECOND_NS;
    return least > 0
      ? { least, patienceNs: forEver, pauseNs: time }
      : { least: 1, patienceNs: time, pauseNs: 0 };
  }

  private _tryTake(max: number): Uint8Array | Failure | typeof WOULD_BLOCK {
    if (this.hungUp && !this.terminal.masterClosed) return NOTHING;
    const bytes = this.terminal.takeInput(max);
    if (bytes) return bytes;
    return this.terminal.masterClosed ? fail(E.EIO) : WOULD_BLOCK;
  }

  override mayWrite(task: Task): Failure | Restart | undefined {
    if (this.hungUp) return fail(E.EIO);
    return this.terminal.termios.lflag & TOSTOP ? checkForeground(task, this.terminal, SIG.TTOU) : undefined;
  }

  override tryWrite(from: Source, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    const { terminal } = this;
    let done = 0;
    while (from.remaining > 0) {
      if (this.hungUp || terminal.masterClosed) return done > 0 ? done : fail(E.EIO);
      const room = terminal.outputRoom;
      if (room === 0) return done > 0 ? done : WOULD_BLOCK;
      const bytes = from.take(Math.min(room, CHUNK));
      if (bytes.length === 0) return done > 0 ? done : fail(E.EFAULT);
      terminal.write(bytes);
      done += bytes.length;
    }
    return done;
  }

  override ioctl(task: Task, request: number, arg: number): Result {
    return terminalIoctl(this, task, request, arg);
  }

  override readiness(): number {
    if (this.hungUp) return IN | OUT | ERR | HUP | RDNORM | WRNORM;
    const { terminal } = this;
    let events = 0;
    if (terminal.line.available('enough')) events |= IN | RDNORM;
    if (terminal.masterClosed) events |= HUP;
    if (terminal.outputRoom > 0) events |= OUT | WRNORM;
    return events;
  }

  override listen(mask: number, wake: (events: number) => void): () => void {
    const { slaveQueue, typist } = this.terminal;
    const stop = slaveQueue.listen(mask, wake);
    if (!typist || (mask & IN) === 0) return stop;
    const endWait = typist.begin();
    return () => {
      stop();
      endWait();
    };
  }

  override fsync(): Failure | undefined {
    return fail(E.EINVAL);
  }

  override linkName(): string {
    return `/dev/pts/${this.terminal.index}`;
  }

  protected override onClose(): void {
    this.terminal.closed(this);
  }
}
