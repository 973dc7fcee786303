/**
 * Joins the master side of a terminal to two files of the embedder: what it types, and what it shows.
 * This is the part that a terminal emulator has on a real system.
 *
 * It holds the master: as long as it does, the terminal is there. It lets go when the reader of its
 * output is gone (a hang-up for the guests), when no slave is open any more, or after `finish`.
 */
import { Failure } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { ERR, HUP, IN, OUT, RDNORM, WOULD_BLOCK, WRNORM } from '../../wait.js';
import type { FileDescription } from '../file-description.js';
import type { HostFiles } from '../host-files.js';
import { BufferSink, BufferSource } from '../user-io.js';
import type { MasterFile } from './master-file.js';

const CHUNK = 16_384;
/** How long output may wait for more of it, and how much is enough. */
const GATHER_NS = 2_000_000;
const ENOUGH = 8192;

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
    readonly onEnd: () => void,
  ) {}

  /** `arrived` decides when to look at what has come; default: at once. */
  start(arrived: () => void = () => this.run()): void {
    this.#stops = [
      this.from.listen(IN | RDNORM | HUP | ERR, arrived),
      this.to.listen(OUT | WRNORM | HUP | ERR, () => this.run()),
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
      if (got instanceof Failure || got === 0) return this.#end();
      this.#rest = new BufferSource(sink.bytes, this.hostFiles);
    }
    const put = this.to.tryWrite(this.#rest);
    if (put === WOULD_BLOCK) return false;
    if (put instanceof Failure) return this.#end();
    if (this.#rest.remaining === 0) this.#rest = undefined;
    return true;
  }

  #end(): false {
    this.stop();
    this.onEnd();
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
  readonly #services: Pick<KernelServices, 'delays'>;
  #finishing = false;
  #closed = false;
  /** When something was last shown, and the timer of what is to be shown next. */
  #shownAtNs = Number.NEGATIVE_INFINITY;
  #cancelShow: (() => void) | undefined;

  /** Takes over the master and the ends. */
  constructor(
    readonly master: MasterFile,
    readonly ends: BridgeEnds,
    services: Pick<KernelServices, 'delays' | 'hostFiles' | 'hostWaits'>,
  ) {
    const { hostFiles } = services;
    const { input, output } = ends;
    if (input) master.terminal.typist = services.hostWaits;
    this.#services = services;
    // The end of input is no hang-up: the guest's output still matters.
    if (input) this.#typing = new Pump(input, master, hostFiles, () => {});
    if (output) this.#showing = new Pump(master, output, hostFiles, () => this.close());
  }

  start(): void {
    this.#typing?.start();
    this.#showing?.start(() => this.#show());
  }

  /** At once after a pause, so that echo feels immediate; what comes thick and fast goes together. */
  #show(): void {
    const { delays } = this.#services;
    const now = delays.hostNs();
    const due = this.#shownAtNs + GATHER_NS;
    if (now >= due || this.master.terminal.output.length >= ENOUGH) {
      this.#cancelShow?.();
      this.#cancelShow = undefined;
      this.#shownAtNs = now;
      this.#showing?.run();
    } else {
      this.#cancelShow ??= delays.after(due - now, () => {
        this.#cancelShow = undefined;
        this.#show();
      });
    }
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
    this.#cancelShow?.();
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
