/**
 * The line discipline, termios(3): what becomes of typed bytes on their way to a program. Models Linux's
 * drivers/tty/n_tty.c; canonical and raw input, echo, erasing, signal characters, flow control.
 *
 * Owner: one Terminal, which it tells what it cannot do itself (`LineHost`). Nothing here waits.
 */
import { SIG } from '../../../abi/signal.js';
import {
  ECHO,
  ECHOCTL,
  ECHONL,
  EXTPROC,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNCR,
  INLCR,
  ISIG,
  ISTRIP,
  IUCLC,
  IXANY,
  IXON,
  NOFLSH,
  PARMRK,
  VEOF,
  VEOL,
  VEOL2,
  VERASE,
  VINTR,
  VKILL,
  VLNEXT,
  VMIN,
  VQUIT,
  VREPRINT,
  VSTART,
  VSTOP,
  VSUSP,
  VTIME,
  VWERASE,
} from '../../../abi/termios.js';
import { Echo } from './echo.js';
import { END_OF_FILE, INPUT_SIZE, InputQueue } from './input-queue.js';
import { OutputFilter } from './output-filter.js';
import { lowerCase, type Termios } from './settings.js';

const NEWLINE = 10;
const RETURN = 13;
const CARET = 0x5e;
const BACKSPACE = 8;
/** What is doubled when PARMRK is on. */
const MARKER = 0xff;

export interface LineHost {
  readonly termios: Termios;
  /** Output stands still: STOP was typed. */
  readonly flow: { readonly stopped: boolean; readonly byProgram: boolean };
  startOutput(): void;
  stopOutput(): void;
  /** Echo has come together. */
  echoed(): void;
  /** To the foreground process group. */
  signal(signo: number): void;
  /** A signal character threw away what was under way in both directions. */
  flushed(): void;
}

export class LineDiscipline {
  readonly output = new OutputFilter();
  readonly input = new InputQueue();
  readonly echo = new Echo(this.output, this.input);
  /** The next character is taken as it is (VLNEXT). */
  private _literal = false;

  constructor(readonly host: LineHost) {}

  get canonical(): boolean {
    return (this.host.termios.lflag & (ICANON | EXTPROC)) === ICANON;
  }

  /** Takes what was typed; the number of bytes there was room for. */
  receive(bytes: Uint8Array): number {
    let taken = 0;
    while (taken < bytes.length && this._hasRoom()) this._receive(bytes[taken++] as number);
    return taken;
  }

  /** Whether a read would give something; `enough` asks for as much as poll(2) waits for. */
  available(enough: 'any' | 'enough'): boolean {
    if (this.canonical) return this.input.finishedLength > 0;
    const { cc } = this.host.termios;
    const least = enough === 'enough' && cc[VTIME] === 0 ? Math.max(1, cc[VMIN] as number) : 1;
    return this.input.length >= least;
  }

  /** FIONREAD. */
  get readable(): number {
    return this.canonical ? this.input.visibleLength : this.input.length;
  }

  /** Up to `max` bytes, of one line at most; only when some are `available`. */
  take(max: number): Uint8Array {
    return this.canonical ? this.input.takeLine(max) : this.input.take(max);
  }

  /** The settings are other ones now. */
  changed(before: Termios): void {
    const { lflag, iflag } = this.host.termios;
    if ((lflag ^ before.lflag) & (ICANON | EXTPROC)) {
      this.input.setMode(lflag & ICANON ? 'canonical' : 'raw');
      this._literal = false;
    }
    const { flow } = this.host;
    if (!(iflag & IXON) && before.iflag & IXON && !flow.byProgram) this.host.startOutput();
  }

  flushInput(): void {
    this.input.clear();
    this._literal = false;
  }

  /** A line that is not finished may grow without end (the rest is lost), so that it can be finished. */
  private _hasRoom(): boolean {
    if (this.input.length < INPUT_SIZE - 1) return true;
    return (this.host.termios.lflag & ICANON) !== 0 && this.input.finishedLength === 0;
  }

  private _receive(typed: number): void {
    const { termios } = this.host;
    const { iflag, lflag } = termios;
    let byte = iflag & ISTRIP ? typed & 0x7f : typed;
    if (iflag & IUCLC && lflag & IEXTEN) byte = lowerCase(byte);
    if (this._literal) {
      this._literal = false;
      this._restart(termios);
      this._keep(termios, byte);
      return;
    }
    if (lflag & EXTPROC) {
      this.input.put(byte);
      return;
    }
    // A NUL is never special, though a character that is switched off has its value.
    if (byte === 0) {
      this._restart(termios);
      this._keep(termios, byte);
      return;
    }
    if (this._controlsFlow(termios, byte) || this._signals(termios, byte)) return;
    this._restart(termios);
    let newline = false;
    if (byte === RETURN) {
      if (iflag & IGNCR) return;
      if (iflag & ICRNL) {
        byte = NEWLINE;
        newline = true;
      }
    } else if (byte === NEWLINE && iflag & INLCR) {
      byte = RETURN;
    }
    if (lflag & ICANON && this._edits(termios, byte)) return;
    this._keep(termios, byte, newline ? 'newline' : 'typed');
  }

  private _controlsFlow({ iflag, cc }: Termios, byte: number): boolean {
    if (!(iflag & IXON)) return false;
    if (byte === cc[VSTART]) this.host.startOutput();
    else if (byte === cc[VSTOP]) this.host.stopOutput();
    else return false;
    return true;
  }

  private _signals(termios: Termios, byte: number): boolean {
    const { lflag, iflag, cc } = termios;
    if (!(lflag & ISIG)) return false;
    let signo: number;
    if (byte === cc[VINTR]) signo = SIG.INT;
    else if (byte === cc[VQUIT]) signo = SIG.QUIT;
    else if (byte === cc[VSUSP]) signo = SIG.TSTP;
    else return false;
    this.host.signal(signo);
    if (!(lflag & NOFLSH)) {
      this.echo.clear();
      this.flushInput();
      this.host.flushed();
    }
    if (iflag & IXON) this.host.startOutput();
    if (lflag & ECHO) {
      this.echo.char(termios, byte);
      this.host.echoed();
    }
    return true;
  }

  /** IXANY: any character lets stopped output go on. */
  private _restart({ iflag }: Termios): void {
    const { flow } = this.host;
    if (flow.stopped && !flow.byProgram && iflag & IXON && iflag & IXANY) this.host.startOutput();
  }

  /** Canonical mode's editing; true when the character is dealt with. */
  private _edits(termios: Termios, byte: number): boolean {
    const { lflag, cc } = termios;
    const extended = (lflag & IEXTEN) !== 0;
    const echoes = (lflag & ECHO) !== 0;
    const { echo } = this;
    if (byte === cc[VERASE]) return this._erase('character');
    if (byte === cc[VKILL]) return this._erase('line');
    if (extended && byte === cc[VWERASE]) return this._erase('word');
    if (extended && byte === cc[VLNEXT]) {
      this._literal = true;
      if (echoes) {
        echo.finishErasing(termios);
        if (lflag & ECHOCTL) {
          echo.raw(termios, CARET);
          echo.raw(termios, BACKSPACE);
          this.host.echoed();
        }
      }
      return true;
    }
    if (extended && echoes && byte === cc[VREPRINT]) {
      echo.finishErasing(termios);
      echo.char(termios, byte);
      echo.newline(termios);
      for (let back = this.input.typedLength; back > 0; back--) echo.char(termios, this.input.typed(back));
      this.host.echoed();
      return true;
    }
    if (byte === NEWLINE) {
      if (lflag & (ECHO | ECHONL)) {
        echo.newline(termios);
        this.host.echoed();
      }
      this._finishLine(byte);
      return true;
    }
    if (byte === cc[VEOF]) {
      this._finishLine(END_OF_FILE);
      return true;
    }
    if (byte === cc[VEOL] || (extended && byte === cc[VEOL2])) {
      if (echoes) {
        echo.typed(termios, byte);
        this.host.echoed();
      }
      if (byte === MARKER && termios.iflag & PARMRK) this.input.put(byte);
      this._finishLine(byte);
      return true;
    }
    return false;
  }

  private _erase(what: 'character' | 'word' | 'line'): boolean {
    this.echo.erase(this.host.termios, what);
    this.host.echoed();
    return true;
  }

  private _finishLine(byte: number): void {
    this.input.put(byte);
    this.input.finishLine();
  }

  /** A line feed that was typed as such shows as ^J here: only canonical mode knows it as a newline. */
  private _keep(termios: Termios, byte: number, shown: 'newline' | 'typed' = 'typed'): void {
    const { lflag, iflag } = termios;
    if (lflag & ECHO) {
      if (shown === 'newline') {
        this.echo.finishErasing(termios);
        this.echo.newline(termios);
      } else {
        this.echo.typed(termios, byte);
      }
      this.host.echoed();
    }
    if (byte === MARKER && iflag & PARMRK) this.input.put(byte);
    this.input.put(byte);
  }
}
