/**
 * An open file with made-up content, as Linux's seq_file: made at the first read and again whenever
 * somebody reads from the start, so that tools which keep /proc/stat open see it change.
 */
import { E } from '../../../abi/errno.js';
import { O_ACCMODE, O_RDONLY, O_WRONLY, SEEK_CUR, SEEK_SET } from '../../../abi/open.js';
import { bytesOf, latin1 } from '../../../base/bytes.js';
import { Failure, fail } from '../../outcome.js';
import { IN, WOULD_BLOCK } from '../../wait.js';
import { FileDescription, type Tried } from '../file-description.js';
import type { Sink, Source } from '../io.js';
import type { VfsPath } from '../path.js';
import type { Text } from './synthetic-fs.js';

export class TextFile extends FileDescription {
  private _content: Uint8Array | undefined;
  private _prepared: 'no' | 'asked' | 'yes' = 'no';

  constructor(
    readonly text: Text,
    path: VfsPath | undefined,
    flags: number,
  ) {
    super(text, path, flags);
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    if ((this.flags & O_ACCMODE) === O_WRONLY) return fail(E.EBADF);
    const at = offset ?? this.offset;
    if (at === 0 || !this._content) {
      if (!this._isPrepared()) return WOULD_BLOCK;
      const made = this.text.read();
      if (made instanceof Failure) return made;
      this._content = typeof made === 'string' ? bytesOf(made) : made;
    }
    const piece = this._content.subarray(at, at + to.remaining);
    if (piece.length === 0) return 0;
    const n = to.put(piece);
    if (n === 0) return fail(E.EFAULT);
    if (offset === undefined) this.offset = at + n;
    return n;
  }

  private _isPrepared(): boolean {
    const { prepare } = this.text;
    if (!prepare) return true;
    const ready = (): void => {
      this._prepared = 'yes';
      this.queue.notify(IN);
    };
    if (this._prepared === 'no') {
      if (prepare(ready)) return true;
      this._prepared = 'asked';
    }
    if (this._prepared === 'asked') return false;
    this._prepared = 'no';
    return true;
  }

  override tryWrite(from: Source, offset?: number): Tried<number> {
    if ((this.flags & O_ACCMODE) === O_RDONLY) return fail(E.EBADF);
    if (!this.text.write) return fail(E.EIO);
    const wanted = from.remaining;
    const bytes = from.take(Math.min(wanted, 65_536));
    if (bytes.length === 0 && wanted > 0) return fail(E.EFAULT);
    const failed = this.text.write(latin1(bytes));
    if (failed) return failed;
    if (offset === undefined) this.offset += bytes.length;
    return bytes.length;
  }

  override seek(offset: number, whence: number): number | Failure {
    const to = whence === SEEK_SET ? offset : whence === SEEK_CUR ? this.offset + offset : -1;
    if (to < 0) return fail(E.EINVAL);
    this.offset = to;
    return to;
  }
}
