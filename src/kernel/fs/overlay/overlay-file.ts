/**
 * Regular files of an overlay. Data is copied up whole when a file is first opened for writing or cut;
 * a change of attributes alone leaves the data below (overlayfs calls that metacopy).
 */
import { O_ACCMODE, O_RDONLY, O_TRUNC } from '../../../abi/open.js';
import { Failure } from '../../outcome.js';
import { WOULD_BLOCK } from '../../wait.js';
import type { FileDescription } from '../file-description.js';
import type { AttributeChange, Attributes, NewInode } from '../inode.js';
import type { VfsPath } from '../path.js';
import type { TmpFile } from '../tmpfs/file.js';
import { BufferSink, BufferSource } from '../user-io.js';
import { LowerFile } from './lower-file.js';
import { OverlayInode } from './overlay-inode.js';

const CHUNK = 1 << 20;

export class OverlayFile extends OverlayInode<TmpFile> {
  /** The data is in the upper file. */
  get copied(): boolean {
    return !this.lower || this.state?.copied === true;
  }

  protected override makeUpper(how: NewInode): TmpFile | Failure {
    return this.fs.upper.makeFile(how);
  }

  override attributes(): Attributes {
    const all = super.attributes();
    if (this.copied || !this.upper || !this.lower) return all;
    const { size, blocks, blksize, btime } = this.lower.attributes();
    return { ...all, size, blocks, blksize, ...(btime && { btime }) };
  }

  override setAttributes(change: AttributeChange): Failure | undefined {
    if (change.size !== undefined) {
      const failed = this._copyData(change.size);
      if (failed) return failed;
    }
    return super.setAttributes(change);
  }

  override open(flags: number, path: VfsPath | undefined): FileDescription | Failure {
    if ((flags & O_ACCMODE) !== O_RDONLY || flags & O_TRUNC) {
      const failed = this._copyData();
      if (failed) return failed;
    }
    if (this.copied) return this.openUpper(flags, path);
    // Not given the path: what is shown of the file is the overlay's business.
    const below = this.lower?.open(flags, undefined);
    if (!below || below instanceof Failure) return below ?? this.openUpper(flags, path);
    return new LowerFile(this, path, flags, below);
  }

  /** A description of the upper file; the data has been copied. */
  openUpper(flags: number, path: VfsPath | undefined): FileDescription | Failure {
    const upper = this.copyUp();
    return upper instanceof Failure ? upper : upper.openAs(this, flags, path);
  }

  override allocate(offset: number, length: number, options: { keepSize: boolean }): Failure | undefined {
    const failed = this._copyData();
    if (failed) return failed;
    const upper = this.copyUp();
    return upper instanceof Failure ? upper : upper.allocate(offset, length, options);
  }

  override punchHole(offset: number, length: number): Failure | undefined {
    const failed = this._copyData();
    if (failed) return failed;
    const upper = this.copyUp();
    return upper instanceof Failure ? upper : upper.punchHole(offset, length);
  }

  /** Copies the first `limit` bytes of the data up, unless that is done already. */
  private _copyData(limit = Number.POSITIVE_INFINITY): Failure | undefined {
    if (this.copied) return undefined;
    const upper = this.copyUp();
    if (upper instanceof Failure) return upper;
    const failed = limit > 0 ? this._copyFrom(upper, limit) : undefined;
    if (failed) {
      upper.data.truncate(0);
      return failed;
    }
    this.demandState().copied = true;
    return undefined;
  }

  private _copyFrom(upper: TmpFile, limit: number): Failure | undefined {
    const below = this.lower?.open(O_RDONLY, undefined);
    if (!below) return undefined;
    if (below instanceof Failure) return below;
    const { hostFiles } = this.fs.services;
    const size = Math.min(limit, this.lower?.attributes().size ?? 0);
    const buffer = new Uint8Array(Math.min(CHUNK, size));
    try {
      let at = 0;
      while (at < size) {
        const sink = new BufferSink(buffer.subarray(0, Math.min(buffer.length, size - at)), hostFiles);
        const n = below.tryRead(sink, at);
        if (n instanceof Failure) return n;
        if (n === WOULD_BLOCK || n === 0) break;
        const failed = writeAll(upper, new BufferSource(sink.bytes, hostFiles), at);
        if (failed) return failed;
        at += n;
      }
      // A hole at the end, or a file that became shorter while it was read.
      return upper.data.size < size ? upper.data.truncate(size) : undefined;
    } finally {
      below.release();
    }
  }
}

function writeAll(upper: TmpFile, from: BufferSource, at: number): Failure | undefined {
  const start = at + from.remaining;
  while (from.remaining > 0) {
    const n = upper.data.write(from, start - from.remaining);
    if (n instanceof Failure) return n;
    if (n === 0) break;
  }
  return undefined;
}
