/**
 * A pipe, pipe(7): bytes on the way from writers to readers, whether it has a name (FIFO) or not.
 *
 * Owner: its home shard. Ends are counted by the descriptions that hold them (pipe-file.ts). A pipe
 * outlives its ends only as the data of a FIFO that is open.
 */
import { E } from '../../../abi/errno.js';
import { CAP, type Credentials, has } from '../../auth/credentials.js';
import { type Failure, fail } from '../../outcome.js';
import { ERR, HUP, IN, OUT, RDNORM, WaitQueue, WOULD_BLOCK, WRNORM } from '../../wait.js';
import type { Tried } from '../file-description.js';
import type { Sink, Source } from '../io.js';
import { type Framing, PAGE, PageRing } from './page-ring.js';

export const DEFAULT_SLOTS = 16;
/** /proc/sys/fs/pipe-max-size: above it only with CAP_SYS_RESOURCE. */
export const PIPE_MAX_SIZE = 1_048_576;
const SIZE_LIMIT = 2 ** 31;

const READABLE = IN | RDNORM;
const WRITABLE = OUT | WRNORM;
const EVERYONE = READABLE | WRITABLE | HUP | ERR;

export class Pipe {
  readonly queue = new WaitQueue();
  private readonly _ring = new PageRing(DEFAULT_SLOTS);
  readers = 0;
  writers = 0;
  /** Opens so far of each side: how a FIFO's open notices a partner that came and went. */
  readerOpens = 0;
  writerOpens = 0;

  get size(): number {
    return this._ring.size;
  }
  get capacity(): number {
    return this._ring.capacity;
  }
  get empty(): boolean {
    return this._ring.empty;
  }
  get full(): boolean {
    return this._ring.full;
  }

  tryRead(to: Sink): Tried<number> {
    if (to.remaining === 0) return 0;
    if (this._ring.empty) return this.writers === 0 ? 0 : WOULD_BLOCK;
    const wasFull = this._ring.full;
    const n = this._ring.drain(to);
    if (wasFull && !this._ring.full) this.queue.notify(WRITABLE);
    return n;
  }

  tryWrite(from: Source, framing: Framing): Tried<number> {
    if (from.remaining === 0) return 0;
    if (this.readers === 0) return fail(E.EPIPE);
    const n = this._ring.fill(from, framing);
    if (n === 0) return WOULD_BLOCK;
    // Each write, not only the first: an edge-triggered epoll sees an event for each.
    if (typeof n === 'number') this.queue.notify(READABLE);
    return n;
  }

  /** Bytes that fit into free pages. */
  get room(): number {
    return (this._ring.slots - this._ring.used) * PAGE;
  }

  /** Drops bytes that were peeked at (splice). */
  discard(count: number): void {
    const wasFull = this._ring.full;
    this._ring.discard(count);
    if (wasFull && !this._ring.full) this.queue.notify(WRITABLE);
  }

  /** The bytes a reader would get next, not consumed (tee). */
  peek(limit: number): Uint8Array {
    return this._ring.peek(limit);
  }

  addReader(): void {
    this.readerOpens++;
    if (this.readers++ === 0) this.queue.notify(EVERYONE);
  }
  addWriter(): void {
    this.writerOpens++;
    if (this.writers++ === 0) this.queue.notify(EVERYONE);
  }
  dropReader(): void {
    if (--this.readers === 0) this.queue.notify(EVERYONE);
  }
  dropWriter(): void {
    if (--this.writers === 0) this.queue.notify(EVERYONE);
  }

  /** F_SETPIPE_SZ: the new capacity, a power of two of pages that holds what is there. */
  resize(bytes: number, creds: Credentials): number | Failure {
    if (bytes > SIZE_LIMIT) return fail(E.EINVAL);
    let capacity = PAGE;
    while (capacity < bytes) capacity *= 2;
    if (capacity > this.capacity && capacity > PIPE_MAX_SIZE && !has(creds, CAP.SYS_RESOURCE)) {
      return fail(E.EPERM);
    }
    const wasFull = this._ring.full;
    const failure = this._ring.resize(capacity / PAGE);
    if (failure) return failure;
    if (wasFull && !this._ring.full) this.queue.notify(WRITABLE);
    return capacity;
  }
}
