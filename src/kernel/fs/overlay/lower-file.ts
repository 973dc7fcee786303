/**
 * A file that is read below, opened before anybody wrote to it. When its data is copied up it goes on
 * with the copy, so all who have the file open see the same (overlayfs would go on with the old data).
 */
import { Failure } from '../../outcome.js';
import { FileDescription, type Mappable, type Tried } from '../file-description.js';
import type { Sink, Source } from '../io.js';
import type { VfsPath } from '../path.js';
import type { OverlayFile } from './overlay-file.js';

export class LowerFile extends FileDescription {
  private _file: FileDescription;
  private _isUpper = false;

  constructor(
    readonly overlaid: OverlayFile,
    path: VfsPath | undefined,
    flags: number,
    below: FileDescription,
  ) {
    super(overlaid, path, flags);
    this._file = below;
    overlaid.openedBelow();
  }

  /** Where the data is now. */
  private _current(): FileDescription {
    if (this._isUpper || !this.overlaid.copied) return this._file;
    const upper = this.overlaid.openUpper(this.flags, this.path);
    if (upper instanceof Failure) return this._file;
    this._file.release();
    this._isUpper = true;
    this._file = upper;
    return upper;
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    const n = this._current().tryRead(to, offset ?? this.offset);
    if (offset === undefined && typeof n === 'number') this.offset += n;
    return n;
  }

  override tryWrite(from: Source, offset?: number): Tried<number> {
    return this._current().tryWrite(from, offset ?? this.offset);
  }

  override seek(offset: number, whence: number): number | Failure {
    const file = this._current();
    file.offset = this.offset;
    const to = file.seek(offset, whence);
    if (typeof to === 'number') this.offset = to;
    return to;
  }

  override mappable(options: { shared: boolean; write: boolean }): Mappable | Failure {
    return this._current().mappable(options);
  }

  override get vanished(): boolean {
    return this._current().vanished;
  }

  protected override onClose(): void {
    this._file.release();
    this.overlaid.closedBelow();
  }
}
