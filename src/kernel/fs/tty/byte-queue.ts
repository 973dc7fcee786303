/** Bytes on their way from one side of a terminal to the other, in the order they came. */
export class ByteQueue {
  private _chunks: Uint8Array[] = [];
  private _length = 0;

  get length(): number {
    return this._length;
  }

  /** Takes the array over: the caller must not change it any more. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this._chunks.push(bytes);
    this._length += bytes.length;
  }

  /** Up to `max` bytes from the front, which stay. */
  peek(max: number): Uint8Array {
    const [first] = this._chunks;
    if (!first) return new Uint8Array(0);
    if (first.length >= max || this._chunks.length === 1) return first.subarray(0, max);
    const out = new Uint8Array(Math.min(max, this._length));
    let at = 0;
    for (const chunk of this._chunks) {
      if (at === out.length) break;
      const piece = chunk.subarray(0, out.length - at);
      out.set(piece, at);
      at += piece.length;
    }
    return out;
  }

  /** Takes away the first `count` bytes. */
  drop(count: number): void {
    let left = Math.min(count, this._length);
    this._length -= left;
    while (left > 0) {
      const first = this._chunks[0] as Uint8Array;
      if (first.length > left) {
        this._chunks[0] = first.subarray(left);
        return;
      }
      left -= first.length;
      this._chunks.shift();
    }
  }

  /** Forgets what is behind the first `count` bytes. */
  truncate(count: number): void {
    const kept = this.peek(count).slice();
    this._chunks = [];
    this._length = 0;
    this.push(kept);
  }
}
