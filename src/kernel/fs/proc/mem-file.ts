/** /proc/pid/mem: a process's memory as a file, proc_pid_mem(5). Linux: fs/proc/base.c (mem_rw). */
import { E } from '../../../abi/errno.js';
import { S_IFREG } from '../../../abi/mode.js';
import { O_ACCMODE, O_RDONLY, O_WRONLY } from '../../../abi/open.js';
import { userAddr } from '../../../base/brand.js';
import type { MemoryManager } from '../../mm/memory-manager.js';
import { type Failure, fail } from '../../outcome.js';
import { peek, poke } from '../../ptrace/memory.js';
import type { Task } from '../../task/task.js';
import { FileDescription, type Tried } from '../file-description.js';
import type { Sink, Source } from '../io.js';
import type { VfsPath } from '../path.js';
import { type NodeOptions, type SyntheticFs, SyntheticInode } from '../synthetic/synthetic-fs.js';
import { mayInspect, memoryOf } from './subject.js';

const SEEK_SET = 0;
const SEEK_CUR = 1;
const CHUNK = 65_536;

export class MemInode extends SyntheticInode {
  constructor(
    fs: SyntheticFs,
    readonly task: Task,
    options: NodeOptions,
  ) {
    super(fs, S_IFREG | 0o600, options);
  }

  open(flags: number, path: VfsPath | undefined): FileDescription | Failure {
    const refused = mayInspect(this.fs.services, this.task);
    if (refused) return refused;
    const mm = memoryOf(this.task);
    return mm ? new MemFile(this, path, flags, mm) : fail(E.ESRCH);
  }
}

/** The memory that the process had when it was opened: after execve it reads as empty. */
class MemFile extends FileDescription {
  constructor(
    readonly mem: MemInode,
    path: VfsPath | undefined,
    flags: number,
    readonly mm: MemoryManager,
  ) {
    super(mem, path, flags);
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    if ((this.flags & O_ACCMODE) === O_WRONLY) return fail(E.EBADF);
    if (this._isGone) return 0;
    const at = offset ?? this.offset;
    const bytes = new Uint8Array(Math.min(to.remaining, CHUNK));
    const got = peek(this.mm, userAddr(at), bytes);
    if (got === 0 && bytes.length > 0) return fail(E.EIO);
    const n = to.put(bytes.subarray(0, got));
    if (offset === undefined) this.offset = at + n;
    return n;
  }

  override tryWrite(from: Source, offset?: number): Tried<number> {
    if ((this.flags & O_ACCMODE) === O_RDONLY) return fail(E.EBADF);
    if (this._isGone) return 0;
    const at = offset ?? this.offset;
    const bytes = from.take(Math.min(from.remaining, CHUNK));
    const put = poke(this.mm, userAddr(at), bytes);
    if (put === 0 && bytes.length > 0) return fail(E.EIO);
    if (offset === undefined) this.offset = at + put;
    return put;
  }

  override seek(offset: number, whence: number): number | Failure {
    if (whence !== SEEK_SET && whence !== SEEK_CUR) return fail(E.EINVAL);
    this.offset = whence === SEEK_SET ? offset : this.offset + offset;
    return this.offset;
  }

  private get _isGone(): boolean {
    return memoryOf(this.mem.task) !== this.mm;
  }
}
