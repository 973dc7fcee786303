/**
 * A host stream as an open file description: what a guest's descriptors 0, 1 and 2 usually are.
 *
 * Nothing blocks: the host is asked with calls that answer EAGAIN, and waiting is a watch of the
 * platform, which is one-shot here (armed while somebody listens and nothing was ready): a
 * level-triggered one would spin while a guest takes its time. Regular files share the host's own
 * position, as a shell's redirections expect.
 */
import { E } from '../../../abi/errno.js';
import { O_ACCMODE, O_RDONLY, O_WRONLY } from '../../../abi/open.js';
import { type Failure, fail, type Result } from '../../outcome.js';
import type { Task } from '../../task/task.js';
import { ERR, HUP, IN, OUT, RDNORM, WOULD_BLOCK, WRNORM } from '../../wait.js';
import { FileDescription, type Mappable, type Tried } from '../file-description.js';
import { hostFailure } from '../host-failure.js';
import type { HostFiles } from '../host-files.js';
import type { Sink, Source } from '../io.js';
import type { VfsPath } from '../path.js';
import type { StdioInode } from './stdio-inode.js';
import { streamIoctl } from './stdio-ioctl.js';

const CHUNK = 65_536;
/** A pipe that polls writable takes this much at once (PIPE_BUF). */
const ATOMIC = 4096;
const scratch = new Uint8Array(CHUNK);

export class StdioFile extends FileDescription {
  static override readonly unsaved = [
    ...FileDescription.unsaved,
    '_masks',
    '_watched',
    '_unwatch',
    '_endWait',
  ];
  private readonly _hostFiles: HostFiles;
  private _masks: number[] = [];
  private _watched = 0;
  private _unwatch: (() => void) | undefined;
  private _endWait: (() => void) | undefined;

  constructor(
    readonly stream: StdioInode,
    path: VfsPath | undefined,
    flags: number,
  ) {
    super(stream, path, flags);
    this._hostFiles = stream.services.hostFiles;
    stream.retain();
  }

  restored(): void {
    this._masks ??= [];
    this._watched ??= 0;
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    if ((this.flags & O_ACCMODE) === O_WRONLY) return fail(E.EBADF);
    const { kind, fd } = this.stream;
    const positioned = offset !== undefined;
    if (positioned && kind !== 'file' && kind !== 'null') return fail(E.ESPIPE);
    if (this.stream.unread && !positioned && to.remaining > 0) {
      return this.stream.readSaved(to) || fail(E.EFAULT);
    }
    if (kind === 'null' || kind === 'gone') return 0;
    let done = 0;
    do {
      const piece = scratch.subarray(0, Math.min(CHUNK, to.remaining));
      const n = positioned
        ? this._hostFiles.pread(fd, piece, offset + done)
        : this._hostFiles.readStream(fd, piece);
      if (n < 0) {
        if (done > 0) break;
        return n === -E.EAGAIN ? this._wouldBlock() : hostFailure(n);
      }
      const taken = n === 0 ? 0 : to.put(piece.subarray(0, n));
      done += taken;
      if (taken < n) {
        if (kind === 'file' && !positioned) this._hostFiles.lseek(fd, taken - n, 1);
        return done > 0 ? done : fail(E.EFAULT);
      }
      if (n < piece.length) break;
      // One read(2) of a stream gives what is there, not all that is wanted.
    } while (to.remaining > 0 && kind === 'file');
    return done;
  }

  override tryWrite(from: Source, offset?: number): Tried<number> {
    if ((this.flags & O_ACCMODE) === O_RDONLY) return fail(E.EBADF);
    const { kind, fd } = this.stream;
    if (kind === 'null') return from.skip(from.remaining);
    if (kind === 'gone') return fail(E.EPIPE);
    const positioned = offset !== undefined;
    if (positioned && kind !== 'file') return fail(E.ESPIPE);
    let done = 0;
    while (from.remaining > 0) {
      // Nothing may be taken from the guest that the host does not take from us.
      const mayRefuse = kind !== 'file' && !from.giveBack;
      if (mayRefuse && (this._hostFiles.poll(fd, OUT) & (OUT | ERR | HUP)) === 0) {
        return done > 0 ? done : this._wouldBlock();
      }
      const bytes = from.take(mayRefuse ? ATOMIC : CHUNK);
      if (bytes.length === 0) return done > 0 ? done : fail(E.EFAULT);
      const n = positioned
        ? this._hostFiles.pwrite(fd, bytes, offset + done)
        : this._hostFiles.writeStream(fd, bytes);
      if (n < bytes.length) from.giveBack?.(bytes.length - Math.max(n, 0));
      if (n < 0) {
        if (done > 0) break;
        return n === -E.EAGAIN ? this._wouldBlock() : hostFailure(n);
      }
      done += n;
      if (n < bytes.length) break;
    }
    return done;
  }

  override seek(offset: number, whence: number): number | Failure {
    const { kind, fd } = this.stream;
    if (kind === 'null') return 0;
    if (kind !== 'file') return fail(E.ESPIPE);
    const r = this._hostFiles.lseek(fd, offset, whence);
    return r < 0 ? hostFailure(r) : r;
  }

  override mappable(): Mappable | Failure {
    return this.stream.kind === 'file' ? { fd: this.stream.fd, base: 0 } : fail(E.ENODEV);
  }

  override ioctl(task: Task, request: number, arg: number): Result {
    return streamIoctl(this.stream, task, request, arg);
  }

  override fsync(): Failure | undefined {
    if (this.stream.kind !== 'file') return fail(E.EINVAL);
    const r = this._hostFiles.fsync(this.stream.fd);
    return r < 0 ? hostFailure(r) : undefined;
  }

  override get pollable(): boolean {
    return this.stream.kind !== 'file' && this.stream.kind !== 'null';
  }

  override readiness(): number {
    if (!this.pollable) return IN | OUT | RDNORM | WRNORM;
    if (this.stream.kind === 'gone') return this._readinessOfNothing();
    const polled = this._hostFiles.poll(this.stream.fd, IN | OUT | RDNORM | WRNORM);
    if (polled < 0) return ERR;
    const ready = this.stream.unread ? polled | IN | RDNORM : polled;
    if (this._wanted() & ~ready) this._arm();
    return ready;
  }

  /** As pipe(7) has it when the other end is closed. */
  private _readinessOfNothing(): number {
    const access = this.flags & O_ACCMODE;
    const read = access === O_WRONLY ? 0 : HUP | (this.stream.unread ? IN | RDNORM : 0);
    return read | (access === O_RDONLY ? 0 : OUT | WRNORM | ERR);
  }

  override listen(mask: number, wake: (events: number) => void): () => void {
    const stop = super.listen(mask, wake);
    this._masks.push(mask);
    this._arm();
    return () => {
      stop();
      const at = this._masks.indexOf(mask);
      if (at >= 0) this._masks.splice(at, 1);
      if (this._masks.length === 0) this._disarm();
    };
  }

  override linkName(): string {
    return this.stream.name;
  }

  private _wouldBlock(): typeof WOULD_BLOCK {
    this._arm();
    return WOULD_BLOCK;
  }

  private _wanted(): number {
    let mask = 0;
    for (const m of this._masks) mask |= m;
    return mask;
  }

  /** Watches for what listeners want; the first event ends the watch. */
  private _arm(): void {
    const wanted = this._wanted();
    if (wanted === 0 || !this.pollable || this.stream.kind === 'gone') return;
    if (this._unwatch && (wanted & ~this._watched) === 0) return;
    this._disarm();
    this._watched = wanted;
    const { services, fd, options } = this.stream;
    if (!options.background) this._endWait = services.hostWaits.begin();
    this._unwatch = services.platform.watch(fd, wanted & (IN | OUT), (events) => {
      this._disarm();
      const read = events & IN ? IN | RDNORM : 0;
      const write = events & OUT ? OUT | WRNORM : 0;
      const ended = events & (ERR | HUP) ? events | IN | OUT : 0;
      this.queue.notify(events | read | write | ended);
    });
  }

  private _disarm(): void {
    this._unwatch?.();
    this._unwatch = undefined;
    this._endWait?.();
    this._endWait = undefined;
    this._watched = 0;
  }

  protected override onClose(): void {
    this._disarm();
    this.stream.release();
  }
}
