/**
 * A pseudoterminal, pty(7): the terminal that programs see (its slave side) and what its master has to
 * read. Linux: struct tty_struct and drivers/tty/pty.c.
 *
 * Owner: its home shard. The master holds it open: when that closes, the terminal is hung up and its
 * name is gone; slaves may come and go. Both sides' waiters hang on the two queues here.
 */
import { SIG } from '../../../abi/signal.js';
import {
  EXTPROC,
  IXON,
  TIOCPKT_DOSTOP,
  TIOCPKT_FLUSHREAD,
  TIOCPKT_FLUSHWRITE,
  TIOCPKT_IOCTL,
  TIOCPKT_NOSTOP,
  TIOCPKT_START,
  TIOCPKT_STOP,
  VSTART,
  VSTOP,
} from '../../../abi/termios.js';
import type { TaskSet } from '../../task/task-set.js';
import type { HostWaits } from '../../time/host-waits.js';
import { ERR, HUP, IN, OUT, PRI, RDNORM, WaitQueue, WRNORM } from '../../wait.js';
import { ByteQueue } from './byte-queue.js';
import { INPUT_SIZE } from './input-queue.js';
import { signalProcessGroup } from './job-control.js';
import { LineDiscipline, type LineHost } from './line-discipline.js';
import { asPty, defaultTermios, noTermios, type Termios, withLocked } from './settings.js';

export interface WindowSize {
  readonly row: number;
  readonly col: number;
  readonly xpixel: number;
  readonly ypixel: number;
}

/** Bytes of each direction that may be under way besides what the reading side holds. */
const IN_FLIGHT = 8192;
/** What the reading side holds: no flush takes it back, and one read gives no more. */
export const MASTER_HOLDS = INPUT_SIZE - 1;
/** Echo that a stopped or full terminal holds back at most. */
const MAX_ECHO = INPUT_SIZE;
const CTRL_Q = 0x11;
const CTRL_S = 0x13;
const EVERYTHING = IN | OUT | PRI | ERR | HUP | RDNORM | WRNORM;

/** A slave's open description, as the terminal knows it. */
export interface SlaveSide {
  hungUp: boolean;
}

export class Terminal implements LineHost {
  termios: Termios = defaultTermios();
  /** TIOCSLCKTRMIOS: where it has bits, or characters, the settings stay as they are. */
  lockedTermios: Termios = noTermios();
  size: WindowSize = { row: 0, col: 0, xpixel: 0, ypixel: 0 };
  readonly line = new LineDiscipline(this);
  readonly flow = { stopped: false, byProgram: false };
  /** Where what was written waits for the master to read it. */
  readonly output = new ByteQueue();
  readonly masterQueue = new WaitQueue();
  readonly slaveQueue = new WaitQueue();
  readonly slaves = new Set<SlaveSide>();

  /** The session it controls, and the process group in its foreground. */
  session: number | undefined;
  foreground: number | undefined;

  /** TIOCSPTLCK: no slave may be opened. */
  locked = true;
  /** TIOCEXCL */
  exclusive = false;
  masterClosed = false;
  /** Somebody outside of the sandbox types on it: who waits for input waits for the host. */
  typist: HostWaits | undefined;
  /** The last slave has gone, and none has come since. */
  slavesGone = false;
  /** TIOCPKT: the master reads with a byte of status in front. */
  packet = false;
  packetStatus = 0;
  /** Typed, and no room for it yet. */
  readonly #backlog = new ByteQueue();
  /** Bytes are being dealt with whose echo appears as one. */
  #typing = false;

  constructor(
    readonly index: number,
    readonly tasks: TaskSet,
  ) {}

  // ---- from the master ----

  /** Room for typed bytes. */
  get inputRoom(): number {
    return Math.max(0, IN_FLIGHT - this.#backlog.length);
  }

  /** Takes what the master writes, at most `inputRoom` bytes. */
  type(bytes: Uint8Array): void {
    this.#typing = true;
    const taken = this.#backlog.length === 0 ? this.line.receive(bytes) : 0;
    this.#typing = false;
    this.echoed();
    if (taken < bytes.length) this.#backlog.push(bytes.slice(taken));
    this.inputArrived();
  }

  /** Up to `max` bytes of what was written, for the master. */
  takeOutput(max: number): Uint8Array {
    const bytes = this.output.peek(max).slice();
    this.output.drop(bytes.length);
    this.echoed();
    if (this.outputRoom > 0) this.slaveQueue.notify(OUT | WRNORM);
    return bytes;
  }

  setSize(size: WindowSize): void {
    const { row, col, xpixel, ypixel } = this.size;
    if (row === size.row && col === size.col && xpixel === size.xpixel && ypixel === size.ypixel) return;
    this.size = size;
    this.signal(SIG.WINCH);
  }

  // ---- from slaves ----

  get outputRoom(): number {
    return this.flow.stopped ? 0 : Math.max(0, IN_FLIGHT + MASTER_HOLDS - this.output.length);
  }

  write(bytes: Uint8Array): void {
    this.echoed();
    this.#send(this.line.output.process(this.termios, bytes));
  }

  /** Past everything that waits, and past a stop: START and STOP for the other side. */
  sendChar(byte: number): void {
    this.#send(Uint8Array.of(byte));
  }

  /** Up to `max` typed bytes, when there are any. */
  takeInput(max: number): Uint8Array | undefined {
    if (!this.line.available('any')) return undefined;
    const bytes = this.line.take(max);
    this.#refill();
    return bytes;
  }

  setTermios(wanted: Termios): void {
    const before = this.termios;
    this.termios = withLocked(asPty(wanted), before, this.lockedTermios);
    this.line.changed(before);
    if (this.packet) this.#tellOfSettings(before);
    this.#refill();
    this.slaveQueue.notify(IN | OUT | RDNORM | WRNORM);
  }

  flushInput(): void {
    this.line.flushInput();
    this.tellMaster(TIOCPKT_FLUSHREAD);
    this.#refill();
  }

  /** Throws away what is under way to the master; what it could read by now stays. */
  flushOutput(): void {
    this.output.truncate(MASTER_HOLDS);
    this.tellMaster(TIOCPKT_FLUSHWRITE);
    this.slaveQueue.notify(OUT | WRNORM);
  }

  // ---- the line discipline's host ----

  startOutput(): void {
    if (!this.flow.stopped || this.flow.byProgram) return;
    this.flow.stopped = false;
    this.packetStatus &= ~TIOCPKT_STOP;
    this.tellMaster(TIOCPKT_START);
    this.echoed();
    this.slaveQueue.notify(OUT | WRNORM);
  }

  stopOutput(): void {
    if (this.flow.stopped) return;
    this.flow.stopped = true;
    this.packetStatus &= ~TIOCPKT_START;
    this.tellMaster(TIOCPKT_STOP);
  }

  echoed(): void {
    if (this.#typing) return;
    if (this.outputRoom === 0) {
      this.line.echo.limit(MAX_ECHO);
      return;
    }
    const bytes = this.line.echo.take();
    if (bytes) this.#send(bytes);
  }

  signal(signo: number): void {
    if (this.foreground !== undefined) signalProcessGroup(this.tasks, this.foreground, signo);
  }

  flushed(): void {
    this.flushOutput();
    this.tellMaster(TIOCPKT_FLUSHREAD);
  }

  // ---- status of the master's packets ----

  /** Notes what a master in packet mode reads next. */
  tellMaster(status: number): void {
    if (!this.packet) return;
    this.packetStatus |= status;
    this.masterQueue.notify(PRI | IN | RDNORM);
  }

  #tellOfSettings(before: Termios): void {
    const was = usualFlowControl(before);
    const is = usualFlowControl(this.termios);
    const external = ((before.lflag | this.termios.lflag) & EXTPROC) !== 0;
    if (was === is && !external) return;
    if (was !== is) {
      this.packetStatus &= ~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP);
      this.packetStatus |= is ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP;
    }
    this.tellMaster(external ? TIOCPKT_IOCTL : 0);
  }

  // ---- the ends ----

  opened(slave: SlaveSide): void {
    this.slaves.add(slave);
    this.slavesGone = false;
  }

  closed(slave: SlaveSide): void {
    if (!this.slaves.delete(slave) || this.slaves.size > 0) return;
    this.slavesGone = true;
    this.packet = false;
    this.masterQueue.notify(EVERYTHING);
  }

  /** Every open slave is at its end: reads give nothing, writes fail. */
  hangUpSlaves(): void {
    for (const slave of this.slaves) slave.hungUp = true;
    this.line.flushInput();
    this.#backlog.truncate(0);
    this.slaveQueue.notify(EVERYTHING);
  }

  /** There may be input now that a reader waits for. */
  inputArrived(): void {
    if (this.line.available('any')) this.slaveQueue.notify(IN | RDNORM);
  }

  #refill(): void {
    if (this.#backlog.length === 0) return;
    this.#backlog.drop(this.line.receive(this.#backlog.peek(IN_FLIGHT)));
    this.inputArrived();
    this.masterQueue.notify(OUT | WRNORM);
  }

  #send(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.masterClosed) return;
    this.output.push(bytes);
    this.masterQueue.notify(IN | RDNORM);
  }
}

function usualFlowControl({ iflag, cc }: Termios): boolean {
  return (iflag & IXON) !== 0 && cc[VSTOP] === CTRL_S && cc[VSTART] === CTRL_Q;
}
