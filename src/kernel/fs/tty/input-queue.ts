/**
 * What was typed and not yet read: 4,096 bytes of which canonical mode knows where lines end. Bytes
 * behind the last finished line may still be erased. Models the read buffer of Linux's n_tty.c.
 *
 * Positions count up for ever: tail (next to be read) ≤ finished (end of the last whole line) ≤ head.
 */
export const INPUT_SIZE = 4096;
/** What stands for the end of file as the end of a line: a character that nobody can type as one. */
export const END_OF_FILE = 0;

export class InputQueue {
  readonly #bytes = new Uint8Array(INPUT_SIZE);
  /** Positions of the bytes that end lines. */
  readonly #ends = new Set<number>();
  #head = 0;
  #finished = 0;
  #tail = 0;
  /** The line up to `finished` was cut off by leaving canonical mode: its end is no end of file. */
  #cut = false;

  /** Bytes that are there, whole lines or not. */
  get length(): number {
    return this.#head - this.#tail;
  }

  /** Bytes of whole lines. */
  get finishedLength(): number {
    return this.#finished - this.#tail;
  }

  /** Bytes of the line that is being typed. */
  get typedLength(): number {
    return this.#head - this.#finished;
  }

  /** One more byte; the newest gives way when there is no room. */
  put(byte: number): void {
    if (this.length >= INPUT_SIZE) this.#head--;
    this.#bytes[this.#head++ % INPUT_SIZE] = byte;
  }

  /** The last byte ends a line. */
  finishLine(): void {
    this.#ends.add(this.#head - 1);
    this.#finished = this.#head;
  }

  /** The byte `back` before the end: 1 is the last one typed. */
  typed(back: number): number {
    return this.#bytes[(this.#head - back) % INPUT_SIZE] as number;
  }

  erase(count: number): void {
    this.#head -= count;
  }

  /** Up to `max` bytes, lines or not. */
  take(max: number): Uint8Array {
    const out = this.#copy(Math.min(max, this.length));
    this.#tail += out.length;
    if (this.#finished < this.#tail) this.#finished = this.#tail;
    return out;
  }

  /**
   * Up to `max` bytes of the next line, which has to be there. An end of file is not shown, and goes with
   * the last byte before it.
   */
  takeLine(max: number): Uint8Array {
    const limit = Math.min(max, this.finishedLength);
    let count = 0;
    while (count < limit && !this.#ends.has(this.#tail + count)) count++;
    const end = this.#tail + count;
    const ended = this.#ends.has(end) && (count < max || this.#isEndOfFile(end));
    const out = this.#copy(ended && !this.#isEndOfFile(end) ? count + 1 : count);
    if (ended) {
      this.#ends.delete(end);
      this.#cut = false;
    }
    this.#tail = ended ? end + 1 : end;
    return out;
  }

  /** Bytes of whole lines that a program will see. */
  get visibleLength(): number {
    let count = this.finishedLength;
    for (const end of this.#ends) if (this.#isEndOfFile(end)) count--;
    return count;
  }

  /** What was typed up to now counts as a line, or (`raw`) lines no longer count. */
  setMode(mode: 'canonical' | 'raw'): void {
    this.#ends.clear();
    if (mode === 'raw' || this.length === 0) {
      this.#finished = this.#tail;
      this.#cut = false;
      return;
    }
    this.finishLine();
    this.#cut = true;
  }

  clear(): void {
    this.#tail = this.#head;
    this.#finished = this.#head;
    this.#ends.clear();
    this.#cut = false;
  }

  #isEndOfFile(position: number): boolean {
    return !this.#cut && this.#byteAt(position) === END_OF_FILE;
  }

  #byteAt(position: number): number {
    return this.#bytes[position % INPUT_SIZE] as number;
  }

  #copy(count: number): Uint8Array {
    const out = new Uint8Array(count);
    for (let i = 0; i < count; i++) out[i] = this.#byteAt(this.#tail + i);
    return out;
  }
}
