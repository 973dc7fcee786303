/**
 * Regular files of a tmpfs and their open descriptions.
 */
import { E } from '../../../abi/errno.js';
import { O_APPEND, SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET } from '../../../abi/open.js';
import { Failure, fail } from '../../outcome.js';
import { readTouches } from '../atime.js';
import { FileDescription, type Mappable, type Tried } from '../file-description.js';
import type { Inode, NewInode } from '../inode.js';
import type { Sink, Source } from '../io.js';
import type { VfsPath } from '../path.js';
import { FileData, MAX_FILE_SIZE } from './file-data.js';
import { TmpInode } from './inode.js';
import type { Tmpfs } from './tmpfs.js';

export class TmpFile extends TmpInode {
  readonly data: FileData;
  /** What /proc shows of a file that never had a name: "/memfd:x (deleted)". */
  nameless = '';

  constructor(fs: Tmpfs, how: NewInode) {
    super(fs, how);
    this.data = new FileData(fs.store);
  }

  override get size(): number {
    return this.data.size;
  }
  override get blocks(): number {
    return this.data.blocks;
  }

  override open(flags: number, path: VfsPath | undefined): FileDescription {
    return new TmpFileDescription(this, this, flags, path);
  }

  /** A description that shows `shown` as its inode: for a file system that has this file as its upper layer. */
  openAs(shown: Inode, flags: number, path: VfsPath | undefined): FileDescription {
    return new TmpFileDescription(this, shown, flags, path);
  }

  protected override resize(size: number): Failure | undefined {
    return this.data.truncate(size);
  }

  override allocate(offset: number, length: number, options: { keepSize: boolean }): Failure | undefined {
    const failed = this.data.allocate(offset, length, options);
    if (!failed) this.written();
    return failed;
  }

  override punchHole(offset: number, length: number): Failure | undefined {
    const failed = this.data.punch(offset, length);
    if (!failed) this.written();
    return failed;
  }

  written(): void {
    const now = this.fs.now();
    this.mtime = now;
    this.ctime = now;
  }

  protected override evict(): void {
    this.data.release();
  }
}

export class TmpFileDescription extends FileDescription {
  constructor(
    readonly file: TmpFile,
    shown: Inode,
    flags: number,
    path: VfsPath | undefined,
  ) {
    super(shown, path, flags);
    file.opened();
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    const n = this.file.data.read(to, offset ?? this.offset);
    if (n instanceof Failure) return n;
    if (offset === undefined) this.offset += n;
    this._touch();
    return n;
  }

  override tryWrite(from: Source, offset?: number): Tried<number> {
    const { data } = this.file;
    // An appending description appends wherever it was told to write: pwrite(2), BUGS.
    const at = this.flags & O_APPEND ? data.size : (offset ?? this.offset);
    const n = data.write(from, at);
    if (n instanceof Failure) return n;
    if (offset === undefined) this.offset = at + n;
    if (n > 0) this.file.written();
    return n;
  }

  override seek(offset: number, whence: number): number | Failure {
    const to = this._target(offset, whence);
    if (to instanceof Failure) return to;
    if (to < 0 || to > MAX_FILE_SIZE) return fail(E.EINVAL);
    this.offset = to;
    return to;
  }

  override mappable(): Mappable | Failure {
    const fd = this.file.data.memfd();
    return fd instanceof Failure ? fd : { fd, base: 0 };
  }

  override linkName(): string {
    return this.file.nameless;
  }

  protected override onClose(): void {
    this.file.closed();
  }

  private _target(offset: number, whence: number): number | Failure {
    switch (whence) {
      case SEEK_SET:
        return offset;
      case SEEK_CUR:
        return this.offset + offset;
      case SEEK_END:
        return this.file.size + offset;
      case SEEK_DATA:
        return this.file.data.seek(offset, 'data', whence);
      case SEEK_HOLE:
        return this.file.data.seek(offset, 'hole', whence);
      default:
        return fail(E.EINVAL);
    }
  }

  private _touch(): void {
    const { file } = this;
    const nowSec = (): number => file.fs.now().sec;
    if (readTouches(file, this.path, this.flags, { directory: false, nowSec })) file.atime = file.fs.now();
  }
}
