/**
 * What typing looks like: the echo of typed characters and how erased ones vanish again. Linux: the
 * echo_… functions and eraser of n_tty.c. Bytes collect here until `take` hands them to the screen.
 */
import { ECHO, ECHOCTL, ECHOE, ECHOK, ECHOKE, ECHOPRT, OPOST, VERASE, VKILL } from '../../../abi/termios.js';
import type { InputQueue } from './input-queue.js';
import type { OutputFilter } from './output-filter.js';
import { isContinuation, isControl, type Termios } from './settings.js';

const BACKSPACE = 8;
const TAB = 9;
const NEWLINE = 10;
const SPACE = 32;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const CARET = 0x5e;

export type Erasing = 'character' | 'word' | 'line';

export class Echo {
  private _pending: number[] = [];
  /** Between the `\` and the `/` that ECHOPRT puts around what is erased. */
  private _printingErased = false;

  constructor(
    readonly filter: OutputFilter,
    readonly input: InputQueue,
  ) {}

  /** What is to appear, in order; nothing is left behind. */
  take(): Uint8Array | undefined {
    if (this._pending.length === 0) return undefined;
    const bytes = Uint8Array.from(this._pending);
    this._pending = [];
    return bytes;
  }

  /** Forgets all but the first bytes: nobody can see them for now, and typing must not fill memory. */
  limit(count: number): void {
    if (this._pending.length > count) this._pending.length = count;
  }

  clear(): void {
    this._pending = [];
    this._printingErased = false;
  }

  /** A typed character that is kept. */
  typed(termios: Termios, byte: number): void {
    this.finishErasing(termios);
    if (this.input.typedLength === 0) this.filter.typedFrom = this.filter.column;
    this.char(termios, byte);
  }

  /** A character as ECHOCTL shows it: ^X. */
  char(termios: Termios, byte: number): void {
    if (!(termios.lflag & ECHOCTL) || !isControl(byte) || byte === TAB) {
      this.raw(termios, byte);
      return;
    }
    this._pending.push(CARET, byte ^ 0x40);
    this.filter.column += 2;
  }

  /** As a program would write it. */
  raw(termios: Termios, byte: number): void {
    if (termios.oflag & OPOST) this.filter.put(termios, byte, this._pending);
    else this._pending.push(byte);
  }

  newline(termios: Termios): void {
    this.raw(termios, NEWLINE);
  }

  finishErasing(termios: Termios): void {
    if (!this._printingErased) return;
    this.raw(termios, SLASH);
    this._printingErased = false;
  }

  /** Takes typed characters back, and shows it. */
  erase(termios: Termios, what: Erasing): void {
    const { input } = this;
    const { lflag, cc } = termios;
    if (input.typedLength === 0) return;
    const shown = (lflag & ECHO) !== 0;
    if (what === 'line') {
      const visibly = ECHOE | ECHOK | ECHOKE;
      if (!shown || (lflag & visibly) !== visibly) {
        input.erase(input.typedLength);
        if (!shown) return;
        this.finishErasing(termios);
        this.char(termios, cc[VKILL] as number);
        if (lflag & ECHOK) this.newline(termios);
        return;
      }
    }
    let inWord = false;
    while (input.typedLength > 0) {
      const size = lastCharacter(termios, input);
      if (size === 0) break;
      const first = input.typed(size);
      if (what === 'word') {
        if (isWord(first)) inWord = true;
        else if (inWord) break;
      }
      const bytes = Array.from({ length: size }, (_, i) => input.typed(size - i));
      input.erase(size);
      if (shown) this._showErased(termios, what, bytes);
      if (what === 'character') break;
    }
    if (input.typedLength === 0 && shown) this.finishErasing(termios);
  }

  private _showErased(termios: Termios, what: Erasing, bytes: readonly number[]): void {
    const { lflag, cc } = termios;
    const first = bytes[0] as number;
    if (lflag & ECHOPRT) {
      if (!this._printingErased) this.raw(termios, BACKSLASH);
      this._printingErased = true;
      this.char(termios, first);
      for (const byte of bytes.slice(1)) {
        this.raw(termios, byte);
        this.filter.back();
      }
    } else if (what === 'character' && !(lflag & ECHOE)) {
      this.char(termios, cc[VERASE] as number);
    } else if (first === TAB) {
      this._rubOutTab(termios);
    } else if (!isControl(first)) {
      this._rubOut(termios);
    } else if (lflag & ECHOCTL) {
      this._rubOut(termios);
      this._rubOut(termios);
    }
  }

  private _rubOut(termios: Termios): void {
    for (const byte of [BACKSPACE, SPACE, BACKSPACE]) this.raw(termios, byte);
  }

  /** Back to where the tab began: columns are counted from the tab before it, or from the line's start. */
  private _rubOutTab(termios: Termios): void {
    let columns = 0;
    let back = 1;
    for (; back <= this.input.typedLength; back++) {
      const byte = this.input.typed(back);
      if (byte === TAB) break;
      if (isControl(byte)) columns += termios.lflag & ECHOCTL ? 2 : 0;
      else if (!isContinuation(termios, byte)) columns++;
    }
    const afterTab = back <= this.input.typedLength;
    if (!afterTab) columns += this.filter.typedFrom;
    for (let n = 8 - (columns & 7); n > 0; n--) {
      this._pending.push(BACKSPACE);
      this.filter.back();
    }
  }
}

/** Bytes of the last typed character; 0 when its beginning is not among what was typed. */
function lastCharacter(termios: Termios, input: InputQueue): number {
  let size = 1;
  while (isContinuation(termios, input.typed(size)) && size < input.typedLength) size++;
  return isContinuation(termios, input.typed(size)) ? 0 : size;
}

/** Letters, digits and the underscore; Latin-1 as the kernel has it. */
function isWord(byte: number): boolean {
  if (byte === 0x5f || (byte >= 0x30 && byte <= 0x39)) return true;
  if (byte >= 0xc0) return byte !== 0xd7 && byte !== 0xf7;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x7a && byte < 0x80;
}
