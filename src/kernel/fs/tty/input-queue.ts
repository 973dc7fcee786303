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
  private readonly _bytes = new Uint8Array(INPUT_SIZE);
  /** Positions of the bytes that end lines. */
  private readonly _ends = new Set<number>();
  private _head = 0;
  private _finished = 0;
  private _tail = 0;
  /** The line up to `finished` was cut off by leaving canonical mode: its end is no end of file. */
  private _cut = false;

  /** Bytes that are there, whole lines or not. */
  get length(): number {
    return this._head - this._tail;
  }

  /** Bytes of whole lines. */
  get finishedLength(): number {
    return this._finished - this._tail;
  }

  /** Bytes of the line that is being typed. */
  get typedLength(): number {
    return this._head - this._finished;
  }

  /** One more byte; the newest gives way when there is no room. */
  put(byte: number): void {
    if (this.length >= INPUT_SIZE) this._head--;
    this._bytes[this._head++ % INPUT_SIZE] = byte;
  }

  /** The last byte ends a line. */
  finishLine(): void {
    this._ends.add(this._head - 1);
    this._finished = this._head;
  }

  /** The byte `back` before the end: 1 is the last one typed. */
  typed(back: number): number {
    return this._bytes[(this._head - back) % INPUT_SIZE] as number;
  }

  erase(count: number): void {
    this._head -= count;
  }

  /** Up to `max` bytes, lines or not. */
  take(max: number): Uint8Array {
    const out = this._copy(Math.min(max, this.length));
    this._tail += out.length;
    if (this._finished < this._tail) this._finished = this._tail;
    return out;
  }

  /**
   * Up to `max` bytes of the next line, which has to be there. An end of file is not shown, and goes with
   * the last byte before it.
   */
  takeLine(max: number): Uint8Array {
    const limit = Math.min(max, this.finishedLength);
    let count = 0;
    while (count < limit && !this._ends.has(this._tail + count)) count++;
    const end = this._tail + count;
    const ended = this._ends.has(end) && (count < max || this._isEndOfFile(end));
    const out = this._copy(ended && !this._isEndOfFile(end) ? count + 1 : count);
    if (ended) {
      this._ends.delete(end);
      this._cut = false;
    }
    this._tail = ended ? end + 1 : end;
    return out;
  }

  /** Bytes of whole lines that a program will see. */
  get visibleLength(): number {
    let count = this.finishedLength;
    for (const end of this._ends) if (this._isEndOfFile(end)) count--;
    return count;
  }

  /** What was typed up to now counts as a line, or (`raw`) lines no longer count. */
  setMode(mode: 'canonical' | 'raw'): void {
    this._ends.clear();
    if (mode === 'raw' || this.length === 0) {
      this._finished = this._tail;
      this._cut = false;
      return;
    }
    this.finishLine();
    this._cut = true;
  }

  clear(): void {
    this._tail = this._head;
    this._finished = this._head;
    this._ends.clear();
    this._cut = false;
  }

  private _isEndOfFile(position: number): boolean {
    return !this._cut && this._byteAt(position) === END_OF_FILE;
  }

  private _byteAt(position: number): number {
    return this._bytes[position % INPUT_SIZE] as number;
  }

  private _copy(count: number): Uint8Array {
    const out = new Uint8Array(count);
    for (let i = 0; i < count; i++) out[i] = this._byteAt(this._tail + i);
    return out;
  }
}
