/**
 * Sinks and sources over guest memory (one buffer or an iovec) and over kernel buffers: copy_to_iter and
 * copy_from_iter of Linux's lib/iov_iter.c.
 *
 * Large transfers from and to host files are made in the guest's own process (AddressSpace.readFile,
 * writeFile) with no copy here; small ones go by a buffer of the kernel, which costs less than the
 * hand-over. One sink and one source serve all system calls of a thread: handlers run one at a time,
 * and begin anew after every wait (nothing survives a yield).
 */
import { E } from '../../abi/errno.js';
import { present } from '../../base/assert.js';
import type { HostFd, UserAddr } from '../../base/brand.js';
import type { UserMemory } from '../mm/user-memory.js';
import type { Task } from '../task/task.js';
import type { HostFiles } from './host-files.js';
import type { Sink, Source } from './io.js';

/** Transfers from here on are not copied through the kernel. */
const DIRECT = 16_384;
const SCRATCH = 65_536;
const LARGEST_TAKE = 1 << 20;

let scratch = new Uint8Array(SCRATCH);
const zeros = new Uint8Array(SCRATCH);

export interface Segment {
  readonly base: number;
  readonly len: number;
}

type FileHost = Pick<HostFiles, 'pread' | 'pwrite'>;

/** A place in a list of guest buffers. */
abstract class UserBuffers {
  /** Guest memory ended before the bytes did: EFAULT, when nothing has been moved. */
  faulted = false;
  /** What is left of the current segment. */
  protected at = 0;
  protected left = 0;
  private _remaining = 0;
  private _segments: readonly Segment[] = [];
  private _next = 0;
  private _task: Task | undefined;

  protected get memory(): UserMemory {
    return present(this._task, 'task of a guest buffer').memory;
  }

  protected get host(): FileHost {
    return present(this._task, 'task of a guest buffer').kernel.hostFiles;
  }

  get remaining(): number {
    return this.faulted ? 0 : this._remaining;
  }

  protected beginAt(task: Task, segments: readonly Segment[], at: number, length: number): void {
    this._task = task;
    this.faulted = false;
    this._segments = segments;
    this._next = 0;
    this.at = at;
    this.left = length;
    let total = length;
    for (const s of segments) total += s.len;
    this._remaining = total;
  }

  /** Offers no more than `length` bytes. */
  limit(length: number): void {
    this._remaining = Math.min(this._remaining, length);
  }

  /** The bytes that lie together at the current place; moves on to the next segment that has any. */
  protected room(): number {
    while (this.left === 0 && this._next < this._segments.length) {
      const s = this._segments[this._next++];
      if (!s) break;
      this.at = s.base;
      this.left = s.len;
    }
    return Math.min(this.left, this.remaining);
  }

  protected advance(length: number): void {
    this.at += length;
    this.left -= length;
    this._remaining -= length;
  }

  /** The current place, to come back to. */
  protected mark(): () => void {
    const { at, left } = this;
    const remaining = this._remaining;
    const next = this._next;
    return () => {
      this.at = at;
      this.left = left;
      this._remaining = remaining;
      this._next = next;
    };
  }

  protected inRange(length: number): boolean {
    return this.at + length <= this.memory.limit;
  }

  /** Passes over bytes without moving any. */
  skip(length: number): number {
    let done = 0;
    while (done < length) {
      const n = Math.min(this.room(), length - done);
      if (n === 0) break;
      this.advance(n);
      done += n;
    }
    return done;
  }
}

export class UserSink extends UserBuffers implements Sink {
  begin(task: Task, addr: UserAddr, length: number): this {
    this.beginAt(task, [], addr, length);
    return this;
  }

  beginVector(task: Task, segments: readonly Segment[]): this {
    this.beginAt(task, segments, 0, 0);
    return this;
  }

  put(bytes: Uint8Array): number {
    let done = 0;
    while (done < bytes.length) {
      const n = Math.min(this.room(), bytes.length - done);
      if (n === 0) break;
      const piece = n === bytes.length ? bytes : bytes.subarray(done, done + n);
      const written = this.memory.tryWrite(this.at as UserAddr, piece);
      this.advance(written);
      done += written;
      if (written < n) {
        this.faulted = true;
        break;
      }
    }
    return done;
  }

  putZeros(length: number): number {
    let done = 0;
    while (done < length) {
      const n = Math.min(zeros.length, length - done, this.remaining);
      if (n === 0) break;
      const put = this.put(zeros.subarray(0, n));
      done += put;
      if (put < n) break;
    }
    return done;
  }

  putFromFile(fd: HostFd, offset: number, length: number): number {
    let done = 0;
    while (done < length) {
      const n = Math.min(this.room(), length - done);
      if (n === 0) break;
      const got = n >= DIRECT ? this._direct(fd, offset + done, n) : this._copied(fd, offset + done, n);
      if (got < 0 && got !== -E.EFAULT) return done > 0 ? done : got;
      if (got === -E.EFAULT) this.faulted = true;
      if (got <= 0) break;
      done += got;
      if (got < n) break;
    }
    return done;
  }

  private _direct(fd: HostFd, offset: number, length: number): number {
    if (!this.inRange(length)) return -E.EFAULT;
    const got = this.memory.space.readFile(this.at as UserAddr, length, fd, offset);
    if (got > 0) this.advance(got);
    return got;
  }

  private _copied(fd: HostFd, offset: number, length: number): number {
    const got = this.host.pread(fd, scratch.subarray(0, length), offset);
    if (got <= 0) return got;
    const put = this.put(scratch.subarray(0, got));
    return put === 0 ? -E.EFAULT : put;
  }
}

export class UserSource extends UserBuffers implements Source {
  /** Undoes the last take; and how many bytes that was. */
  private _untake: (() => void) | undefined;
  private _taken = 0;

  begin(task: Task, addr: UserAddr, length: number): this {
    this.beginAt(task, [], addr, length);
    return this;
  }

  beginVector(task: Task, segments: readonly Segment[]): this {
    this.beginAt(task, segments, 0, 0);
    return this;
  }

  /** At most LARGEST_TAKE at a time. */
  take(max: number): Uint8Array {
    const wanted = Math.min(max, this.remaining, LARGEST_TAKE);
    if (wanted > scratch.length) scratch = new Uint8Array(Math.min(LARGEST_TAKE, 2 * wanted));
    this._untake = this.mark();
    let done = 0;
    while (done < wanted) {
      const n = Math.min(this.room(), wanted - done);
      if (n === 0) break;
      const read = this.memory.tryRead(this.at as UserAddr, scratch.subarray(done, done + n));
      this.advance(read);
      done += read;
      if (read < n) {
        this.faulted = true;
        break;
      }
    }
    this._taken = done;
    return scratch.subarray(0, done);
  }

  giveBack(length: number): void {
    if (length === 0) return;
    this._untake?.();
    this.skip(this._taken - length);
  }

  takeToFile(fd: HostFd, offset: number, length: number): number {
    let done = 0;
    while (done < length) {
      const n = Math.min(this.room(), length - done);
      if (n === 0) break;
      const put = n >= DIRECT ? this._direct(fd, offset + done, n) : this._copied(fd, offset + done, n);
      if (put < 0 && put !== -E.EFAULT) return done > 0 ? done : put;
      if (put === -E.EFAULT) this.faulted = true;
      if (put <= 0) break;
      done += put;
      if (put < n) break;
    }
    return done;
  }

  private _direct(fd: HostFd, offset: number, length: number): number {
    if (!this.inRange(length)) return -E.EFAULT;
    const put = this.memory.space.writeFile(this.at as UserAddr, length, fd, offset);
    if (put > 0) this.advance(put);
    return put;
  }

  private _copied(fd: HostFd, offset: number, length: number): number {
    const bytes = scratch.subarray(0, length);
    const read = this.memory.tryRead(this.at as UserAddr, bytes);
    if (read === 0) return -E.EFAULT;
    const put = this.host.pwrite(fd, read === length ? bytes : bytes.subarray(0, read), offset);
    if (put > 0) this.advance(put);
    if (read < length && put === read) this.faulted = true;
    return put;
  }
}

/** Reads into a buffer of the kernel. */
export class BufferSink implements Sink {
  length = 0;

  constructor(
    readonly buffer: Uint8Array,
    readonly host: FileHost,
  ) {}

  get remaining(): number {
    return this.buffer.length - this.length;
  }

  /** What has been put so far. */
  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  put(bytes: Uint8Array): number {
    const n = Math.min(bytes.length, this.remaining);
    this.buffer.set(n === bytes.length ? bytes : bytes.subarray(0, n), this.length);
    this.length += n;
    return n;
  }

  putZeros(length: number): number {
    const n = Math.min(length, this.remaining);
    this.buffer.fill(0, this.length, this.length + n);
    this.length += n;
    return n;
  }

  putFromFile(fd: HostFd, offset: number, length: number): number {
    const n = Math.min(length, this.remaining);
    const got = this.host.pread(fd, this.buffer.subarray(this.length, this.length + n), offset);
    if (got > 0) this.length += got;
    return got;
  }
}

/** Writes from a buffer of the kernel. */
export class BufferSource implements Source {
  private _at = 0;

  constructor(
    readonly buffer: Uint8Array,
    readonly host: FileHost,
  ) {}

  get remaining(): number {
    return this.buffer.length - this._at;
  }

  /** What has not been taken. */
  get left(): Uint8Array {
    return this.buffer.subarray(this._at);
  }

  take(max: number): Uint8Array {
    const n = Math.min(max, this.remaining);
    this._at += n;
    return this.buffer.subarray(this._at - n, this._at);
  }

  giveBack(length: number): void {
    this._at -= length;
  }

  takeToFile(fd: HostFd, offset: number, length: number): number {
    const n = Math.min(length, this.remaining);
    const put = this.host.pwrite(fd, this.buffer.subarray(this._at, this._at + n), offset);
    if (put > 0) this._at += put;
    return put;
  }

  skip(length: number): number {
    const n = Math.min(length, this.remaining);
    this._at += n;
    return n;
  }
}

const sink = new UserSink();
const source = new UserSource();

/** The thread's sink, begun on a guest buffer: good until the next call of this kind, or a yield. */
export function userSink(task: Task, addr: UserAddr, length: number): UserSink {
  return sink.begin(task, addr, length);
}
export function userSinkVector(task: Task, segments: readonly Segment[]): UserSink {
  return sink.beginVector(task, segments);
}
export function userSource(task: Task, addr: UserAddr, length: number): UserSource {
  return source.begin(task, addr, length);
}
export function userSourceVector(task: Task, segments: readonly Segment[]): UserSource {
  return source.beginVector(task, segments);
}
