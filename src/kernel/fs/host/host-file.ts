/** An open regular file of the host. Reads and writes go by position, so the host's offset is not used. */
import { E } from '../../../abi/errno.js';
import {
  O_ACCMODE,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
} from '../../../abi/open.js';
import type { HostFd } from '../../../base/brand.js';
import { type Failure, fail } from '../../outcome.js';
import { type LoadWalk, membersOf } from '../../save/graph.js';
import { FileDescription, type Mappable, type Tried } from '../file-description.js';
import { hostFailure } from '../host-failure.js';
import type { HostFiles } from '../host-files.js';
import type { Sink, Source } from '../io.js';
import type { VfsPath } from '../path.js';
import type { HostInode } from './host-inode.js';

/** From here on the guest's own process reads the file: one copy less, but a round trip more. */
export const DIRECT_IO = 16_384;

const scratch = new Uint8Array(DIRECT_IO);

/** Moves bytes of a host file at `offset` to a sink; as read(2), stops at the end of the file. */
export function readHostFile(hostFiles: HostFiles, fd: HostFd, to: Sink, offset: number): number | Failure {
  let done = 0;
  while (to.remaining > 0) {
    const want = to.remaining;
    let n: number;
    if (want > DIRECT_IO) {
      n = to.putFromFile(fd, offset + done, want);
    } else {
      const piece = scratch.subarray(0, want);
      n = hostFiles.pread(fd, piece, offset + done);
      if (n > 0) {
        const taken = to.put(piece.subarray(0, n));
        if (taken < n) return done + taken > 0 ? done + taken : fail(E.EFAULT);
      }
    }
    if (n < 0) return done > 0 ? done : hostFailure(n);
    if (n === 0) break;
    done += n;
  }
  return done;
}

export class HostFile extends FileDescription {
  private readonly _hostFiles: HostFiles;
  /** What the file was when it was saved. */
  private _seen: string | undefined;
  /** It was not there when a saved kernel was loaded: as on a disk that has gone, there is EIO in its place. */
  private _gone = false;

  constructor(
    readonly host: HostInode,
    path: VfsPath | undefined,
    flags: number,
    public fd: HostFd,
    readonly writes: boolean,
  ) {
    super(host, path, flags);
    this._hostFiles = host.fs.options.hostFiles;
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    if ((this.flags & O_ACCMODE) === O_WRONLY) return fail(E.EBADF);
    if (this._gone) return fail(E.EIO);
    const n = readHostFile(this._hostFiles, this.fd, to, offset ?? this.offset);
    if (offset === undefined && typeof n === 'number') this.offset += n;
    return n;
  }

  override tryWrite(from: Source, offset?: number): Tried<number> {
    if ((this.flags & O_ACCMODE) === O_RDONLY) return fail(E.EBADF);
    if (this._gone) return fail(E.EIO);
    const start = this.flags & O_APPEND ? this._size() : (offset ?? this.offset);
    let done = 0;
    while (from.remaining > 0) {
      let n: number;
      if (from.remaining > DIRECT_IO) {
        n = from.takeToFile(this.fd, start + done, from.remaining);
      } else {
        const bytes = from.take(from.remaining);
        n = bytes.length === 0 ? -E.EFAULT : this._hostFiles.pwrite(this.fd, bytes, start + done);
      }
      if (n < 0) {
        if (done > 0) break;
        return hostFailure(n);
      }
      if (n === 0) break;
      done += n;
    }
    if (offset === undefined) this.offset = start + done;
    return done;
  }

  override seek(offset: number, whence: number): number | Failure {
    let to: number;
    switch (whence) {
      case SEEK_SET:
        to = offset;
        break;
      case SEEK_CUR:
        to = this.offset + offset;
        break;
      case SEEK_END:
        to = this._size() + offset;
        break;
      case SEEK_DATA:
      case SEEK_HOLE:
        if (this._gone) return fail(E.EIO);
        to = this._hostFiles.lseek(this.fd, offset, whence);
        if (to < 0) return hostFailure(to);
        break;
      default:
        return fail(E.EINVAL);
    }
    if (to < 0) return fail(E.EINVAL);
    this.offset = to;
    return to;
  }

  toSaved(): Record<string, unknown> {
    return { ...membersOf(this, ['fd', ...FileDescription.unsaved]), _seen: this._identity() };
  }

  fromSaved(saved: Record<string, unknown>): void {
    Object.assign(this, saved);
  }

  restored(load: LoadWalk): void {
    if (!this._gone && !this._openedAgain(load)) this._gone = true;
    if (!this._gone) return;
    // Nothing can be mapped of it: whoever touches a page of it hears SIGBUS.
    const nothing = this._hostFiles.memfd('gone');
    if (nothing < 0) load.refuse(`the host has no descriptor to spare (errno ${-nothing})`);
    this.fd = nothing as HostFd;
  }

  /** False: it cannot be had as it was, and is to be done without. */
  private _openedAgain(load: LoadWalk): boolean {
    const how = this.writes ? 'write' : 'read';
    const fd = this.host.fileFd(how, (this.flags & O_ACCMODE) === O_WRONLY);
    const { place } = this.host;
    if (fd < 0) {
      load.missing('files', `${place} of the host is gone, or is another file (errno ${-fd})`);
      this.host.vanished = true;
      return false;
    }
    this.fd = fd as HostFd;
    // What guests have mapped or half read must be what it was; a shared directory may change by its nature.
    if (!this.host.fs.readOnly || this._seen === this._identity()) return true;
    load.missing('files', `${place} of the host was changed since the kernel was saved`);
    this.host.releaseFile(how);
    return false;
  }

  override get vanished(): boolean {
    return this._gone;
  }

  private _identity(): string {
    const { stat } = this.host.fs;
    if (this._hostFiles.fstat(this.fd, stat) < 0) return '';
    return `${stat.size} ${stat.mtimeSec}.${stat.mtimeNsec}`;
  }

  override mappable(): Mappable {
    return { fd: this.fd, base: 0 };
  }

  override fsync(): Failure | undefined {
    if (!this.writes) return undefined;
    if (this._gone) return fail(E.EIO);
    const r = this._hostFiles.fsync(this.fd);
    return r < 0 ? hostFailure(r) : undefined;
  }

  private _size(): number {
    if (this._gone) return this.host.attributes().size;
    const { stat } = this.host.fs;
    return this._hostFiles.fstat(this.fd, stat) < 0 ? 0 : stat.size;
  }

  protected override onClose(): void {
    if (this._gone) this._hostFiles.close(this.fd);
    else this.host.releaseFile(this.writes ? 'write' : 'read');
  }
}
