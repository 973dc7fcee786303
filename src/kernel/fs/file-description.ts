/**
 * An open file description, open(2): what a descriptor refers to, shared by dup and fork.
 *
 * Owner: its home shard. Nothing here blocks: `try…` answers WOULD_BLOCK, the descriptor's readiness
 * says when to try again, and the system call does the waiting (kernel/wait.ts). Whether to wait at
 * all (O_NONBLOCK) is the system call's business too.
 */
import { E } from '../../abi/errno.js';
import { S_IFBLK, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../abi/mode.js';
import type { HostFd } from '../../base/brand.js';
import { COST, type KernelMemory } from '../kernel-memory.js';
import { type Blocking, type Failure, fail, type Restart, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { IN, OUT, RDNORM, WaitQueue, type WOULD_BLOCK, WRNORM } from '../wait.js';
import type { Inode } from './inode.js';
import type { Sink, Source } from './io.js';
import type { VfsPath } from './path.js';

export type Tried<T> = T | Failure | typeof WOULD_BLOCK;

/** One directory entry as getdents64(2) returns it. */
export interface DirEntry {
  readonly ino: number;
  /** Position to go on from after this entry; opaque, never 0. */
  readonly next: number;
  /** DT_* of getdents64(2). */
  readonly type: number;
  readonly name: string;
}

/** What mmap(2) of a file maps. */
export interface Mappable {
  readonly fd: HostFd;
  /** Added to the guest's offset. */
  readonly base: number;
}

export abstract class FileDescription {
  static readonly unsaved: readonly string[] = ['_closeListeners'];
  readonly queue = new WaitQueue();
  private _closeListeners: Set<() => void> | undefined;
  /** Position of read, write and lseek. */
  offset = 0;
  private _references = 1;
  /** What it is charged to. */
  private _room: KernelMemory | undefined;

  constructor(
    readonly inode: Inode,
    /** Where it was opened; absent for what has no name (pipes, sockets). */
    readonly path: VfsPath | undefined,
    /** Access mode and status flags, as fcntl(F_GETFL) shows them. */
    public flags: number,
  ) {}

  /** Reads at `offset`, or at the file's own position, which then moves, when it is undefined. */
  tryRead(_to: Sink, _offset?: number): Tried<number> {
    return fail(E.EINVAL);
  }
  tryWrite(_from: Source, _offset?: number): Tried<number> {
    return fail(E.EINVAL);
  }
  /**
   * A read with its own idea of when to wait and how long (terminals: VMIN, VTIME, job control), used
   * instead of tryRead by the read(2) family where there is one. No bytes: end of file.
   */
  gather?(
    task: Task,
    length: number,
    options: { mayWait: boolean },
  ): Blocking<Uint8Array | Failure | Restart>;
  /** Asked once before a write(2) begins; what it answers is the outcome. */
  mayWrite?(task: Task): Failure | Restart | undefined;
  /** The new position, for whence SEEK_SET…SEEK_HOLE. */
  seek(_offset: number, _whence: number): number | Failure {
    return fail(E.ESPIPE);
  }
  /** Calls `emit` for entries from the current position until it answers false; moves the position. */
  readDirectory(_emit: (entry: DirEntry) => boolean): Failure | undefined {
    return fail(E.ENOTDIR);
  }
  ioctl(_task: Task, _request: number, _arg: number): Result {
    return fail(E.ENOTTY);
  }
  /** What can be mapped; `shared` and writable mappings included when asked for. */
  mappable(_options: { shared: boolean; write: boolean }): Mappable | Failure {
    return fail(E.ENODEV);
  }
  /** A file of the host that was not there any more when a saved kernel was loaded. */
  get vanished(): boolean {
    return false;
  }
  fsync(): Failure | undefined {
    return undefined;
  }
  /** fcntl(2) commands that the VFS does not know: F_SETPIPE_SZ, F_ADD_SEALS… */
  fcntl(_task: Task, _command: number, _arg: number): Result {
    return fail(E.EINVAL);
  }
  /** Poll bits that hold now. Regular files are always ready. */
  readiness(): number {
    return IN | OUT | RDNORM | WRNORM;
  }
  listen(mask: number, wake: (events: number) => void): () => void {
    return this.queue.listen(mask, wake);
  }
  /** Whether epoll takes it: not so regular files, directories, and devices that are always ready. */
  get pollable(): boolean {
    const type = this.inode.mode & S_IFMT;
    return type !== S_IFREG && type !== S_IFDIR && type !== S_IFLNK && type !== S_IFBLK;
  }
  /**
   * What open(2) waits for before it returns this new description: the other side of a FIFO.
   * Undefined: nothing. Whoever opens releases the description when the outcome is not undefined.
   */
  finishOpen(): Blocking<Failure | Restart | undefined> | undefined {
    return undefined;
  }
  /** How long a read or a write waits at most (SO_RCVTIMEO, SO_SNDTIMEO). */
  get receiveTimeoutNs(): number {
    return Number.POSITIVE_INFINITY;
  }
  get sendTimeoutNs(): number {
    return Number.POSITIVE_INFINITY;
  }
  /** What /proc/pid/fd/N shows for a file without a path: "pipe:[12]", "anon_inode:[eventfd]". */
  linkName(): string {
    return 'anon_inode:[unknown]';
  }
  /** Extra lines of /proc/pid/fdinfo/N. */
  fdinfo(): string {
    return '';
  }

  retain(): this {
    this._references++;
    return this;
  }
  /** Charges what it takes of the kernel's memory, once; false when there is no room for it. */
  chargeTo(room: KernelMemory): boolean {
    if (this._room) return true;
    if (!room.has(COST.file)) return false;
    room.take(COST.file);
    this._room = room;
    return true;
  }

  /** How many hold it: descriptors, calls that wait, messages on their way. */
  get referenceCount(): number {
    return this._references;
  }
  /** Gives up one reference; the last one closes. */
  release(): void {
    if (--this._references > 0) return;
    for (const listener of this._closeListeners ?? []) listener();
    this._closeListeners = undefined;
    this._room?.give(COST.file);
    this._room = undefined;
    this.onClose();
  }
  /** Calls `listener` when the last reference goes, before the file closes; the result stops that. */
  whenClosed(listener: () => void): () => void {
    this._closeListeners ??= new Set();
    this._closeListeners.add(listener);
    return () => {
      this._closeListeners?.delete(listener);
    };
  }
  protected onClose(): void {}
}
