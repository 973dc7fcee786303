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
  #file: FileDescription;
  #isUpper = false;

  constructor(
    readonly overlaid: OverlayFile,
    path: VfsPath | undefined,
    flags: number,
    below: FileDescription,
  ) {
    super(overlaid, path, flags);
    this.#file = below;
    overlaid.openedBelow();
  }

  /** Where the data is now. */
  #current(): FileDescription {
    if (this.#isUpper || !this.overlaid.copied) return this.#file;
    const upper = this.overlaid.openUpper(this.flags, this.path);
    if (upper instanceof Failure) return this.#file;
    this.#file.release();
    this.#isUpper = true;
    this.#file = upper;
    return upper;
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    const n = this.#current().tryRead(to, offset ?? this.offset);
    if (offset === undefined && typeof n === 'number') this.offset += n;
    return n;
  }

  override tryWrite(from: Source, offset?: number): Tried<number> {
    return this.#current().tryWrite(from, offset ?? this.offset);
  }

  override seek(offset: number, whence: number): number | Failure {
    const file = this.#current();
    file.offset = this.offset;
    const to = file.seek(offset, whence);
    if (typeof to === 'number') this.offset = to;
    return to;
  }

  override mappable(options: { shared: boolean; write: boolean }): Mappable | Failure {
    return this.#current().mappable(options);
  }

  protected override onClose(): void {
    this.#file.release();
    this.overlaid.closedBelow();
  }
}
