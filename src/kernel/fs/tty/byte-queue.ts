/** Bytes on their way from one side of a terminal to the other, in the order they came. */
export class ByteQueue {
  #chunks: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Takes the array over: the caller must not change it any more. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  /** Up to `max` bytes from the front, which stay. */
  peek(max: number): Uint8Array {
    const [first] = this.#chunks;
    if (!first) return new Uint8Array(0);
    if (first.length >= max || this.#chunks.length === 1) return first.subarray(0, max);
    const out = new Uint8Array(Math.min(max, this.#length));
    let at = 0;
    for (const chunk of this.#chunks) {
      if (at === out.length) break;
      const piece = chunk.subarray(0, out.length - at);
      out.set(piece, at);
      at += piece.length;
    }
    return out;
  }

  /** Takes away the first `count` bytes. */
  drop(count: number): void {
    let left = Math.min(count, this.#length);
    this.#length -= left;
    while (left > 0) {
      const first = this.#chunks[0] as Uint8Array;
      if (first.length > left) {
        this.#chunks[0] = first.subarray(left);
        return;
      }
      left -= first.length;
      this.#chunks.shift();
    }
  }

  /** Forgets what is behind the first `count` bytes. */
  truncate(count: number): void {
    const kept = this.peek(count).slice();
    this.#chunks = [];
    this.#length = 0;
    this.push(kept);
  }
}
