/**
 * What happens to bytes on their way to the screen: OPOST of termios(3), and the column where the
 * cursor stands, which echo needs to rub out tabs. Linux: do_output_char of n_tty.c.
 */
import { OCRNL, OLCUC, ONLCR, ONLRET, ONOCR, OPOST, TABDLY, XTABS } from '../../../abi/termios.js';
import { isContinuation, isControl, type Termios, upperCase } from './settings.js';

const BACKSPACE = 8;
const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;

export class OutputFilter {
  column = 0;
  /** Where the line that is being typed begins. */
  typedFrom = 0;

  /** A new array, which the caller may keep. */
  process(termios: Termios, bytes: Uint8Array): Uint8Array {
    if (!(termios.oflag & OPOST)) return bytes.slice();
    const out: number[] = [];
    for (const byte of bytes) this.put(termios, byte, out);
    return Uint8Array.from(out);
  }

  /** One byte, with OPOST on. */
  put(termios: Termios, byte: number, out: number[]): void {
    const { oflag } = termios;
    switch (byte) {
      case NEWLINE:
        if (oflag & (ONLRET | ONLCR)) this.column = 0;
        this.typedFrom = this.column;
        if (oflag & ONLCR) out.push(RETURN);
        break;
      case RETURN:
        if (oflag & ONOCR && this.column === 0) return;
        if (!(oflag & OCRNL) || oflag & ONLRET) {
          this.column = 0;
          this.typedFrom = 0;
        }
        out.push(oflag & OCRNL ? NEWLINE : RETURN);
        return;
      case TAB: {
        const spaces = 8 - (this.column & 7);
        this.column += spaces;
        if ((oflag & TABDLY) !== XTABS) break;
        for (let i = 0; i < spaces; i++) out.push(SPACE);
        return;
      }
      case BACKSPACE:
        this.back();
        break;
      default:
        if (isControl(byte)) break;
        if (!isContinuation(termios, byte)) this.column++;
        out.push(oflag & OLCUC ? upperCase(byte) : byte);
        return;
    }
    out.push(byte);
  }

  /** The cursor goes back by one. */
  back(): void {
    if (this.column > 0) this.column--;
  }
}
