/**
 * Joins the master side of a terminal to two files of the embedder: what it types, and what it shows.
 * This is the part that a terminal emulator has on a real system.
 *
 * It holds the master: as long as it does, the terminal is there. It lets go when the reader of its
 * output is gone (a hang-up for the guests), when no slave is open any more, or after `finish`.
 */
import { Failure } from '../../outcome.js';
import { ERR, HUP, IN, OUT, RDNORM, WOULD_BLOCK, WRNORM } from '../../wait.js';
import type { FileDescription } from '../file-description.js';
import type { HostFiles } from '../host-files.js';
import { BufferSink, BufferSource } from '../user-io.js';
import type { MasterFile } from './master-file.js';

const CHUNK = 16_384;

/** Moves bytes from one file to another whenever both are ready. */
class Pump {
  #rest: BufferSource | undefined;
  #running = false;
  #again = false;
  #stops: (() => void)[] = [];

  constructor(
    readonly from: FileDescription,
    readonly to: FileDescription,
    readonly hostFiles: HostFiles,
    /** No more bytes will come, or nobody takes them. */
    readonly onEnd: (why: 'noMore' | 'refused') => void,
  ) {}

  start(): void {
    const run = (): void => this.run();
    this.#stops = [
      this.from.listen(IN | RDNORM | HUP | ERR, run),
      this.to.listen(OUT | WRNORM | HUP | ERR, run),
    ];
    this.run();
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#again = false;
  }

  run(): void {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#again && this.#stops.length > 0) {
        this.#again = false;
        while (this.#step());
      }
    } finally {
      this.#running = false;
    }
  }

  /** Nothing is left that could be moved now. */
  get idle(): boolean {
    return this.#rest === undefined;
  }

  #step(): boolean {
    if (this.#stops.length === 0) return false;
    if (!this.#rest) {
      const sink = new BufferSink(new Uint8Array(CHUNK), this.hostFiles);
      const got = this.from.tryRead(sink);
      if (got === WOULD_BLOCK) return false;
      if (got instanceof Failure || got === 0) return this.#end('noMore');
      this.#rest = new BufferSource(sink.bytes, this.hostFiles);
    }
    const put = this.to.tryWrite(this.#rest);
    if (put === WOULD_BLOCK) return false;
    if (put instanceof Failure) return this.#end('refused');
    if (this.#rest.remaining === 0) this.#rest = undefined;
    return true;
  }

  #end(why: 'noMore' | 'refused'): false {
    this.stop();
    this.onEnd(why);
    return false;
  }
}

export interface BridgeEnds {
  /** What the embedder types; absent: nothing ever is. */
  readonly input?: FileDescription | undefined;
  /** What the embedder sees; absent: it is thrown away. */
  readonly output?: FileDescription | undefined;
}

export class TerminalBridge {
  readonly #typing: Pump | undefined;
  readonly #showing: Pump | undefined;
  #finishing = false;
  #closed = false;

  /** Takes over the master and the ends. */
  constructor(
    readonly master: MasterFile,
    readonly ends: BridgeEnds,
    hostFiles: HostFiles,
  ) {
    const { input, output } = ends;
    // The end of input is no hang-up: the guest's output still matters.
    if (input) this.#typing = new Pump(input, master, hostFiles, () => {});
    if (output) this.#showing = new Pump(master, output, hostFiles, () => this.close());
  }

  start(): void {
    this.#typing?.start();
    this.#showing?.start();
  }

  resize(columns: number, rows: number): void {
    this.master.terminal.setSize({ row: rows, col: columns, xpixel: 0, ypixel: 0 });
  }

  /** The guest's main process has ended: shows what is left, then hangs up. */
  finish(): void {
    if (this.#finishing || this.#closed) return;
    this.#finishing = true;
    if (!this.#drained() && this.ends.output)
      this.ends.output.listen(OUT | WRNORM | HUP | ERR, () => this.#closeWhenDrained());
    this.#closeWhenDrained();
  }

  /** Hangs up. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#typing?.stop();
    this.#showing?.stop();
    this.master.release();
    this.ends.input?.release();
    this.ends.output?.release();
  }

  #closeWhenDrained(): void {
    this.#showing?.run();
    if (this.#drained()) this.close();
  }

  #drained(): boolean {
    return !this.#showing || (this.#showing.idle && this.master.terminal.output.length === 0);
  }
}
