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
import { StdioFile } from '../stdio/stdio-file.js';
import { BufferSink, BufferSource } from '../user-io.js';
import type { MasterFile } from './master-file.js';

const CHUNK = 16_384;
/** How long output may wait for more of it, and how much is enough. */
const GATHER_NS = 2_000_000;
const ENOUGH = 8192;

/** Moves bytes from one file to another whenever both are ready. */
class Pump {
  private _rest: BufferSource | undefined;
  private _running = false;
  private _again = false;
  private _stops: (() => void)[] = [];

  constructor(
    readonly from: FileDescription,
    readonly to: FileDescription,
    readonly hostFiles: HostFiles,
    /** No more bytes will come, or nobody takes them. */
    readonly onEnd: () => void,
  ) {}

  /** `arrived` decides when to look at what has come; default: at once. */
  start(arrived: () => void = () => this.run()): void {
    this._stops = [
      this.from.listen(IN | RDNORM | HUP | ERR, arrived),
      this.to.listen(OUT | WRNORM | HUP | ERR, () => this.run()),
    ];
    this.run();
  }

  stop(): void {
    for (const stop of this._stops.splice(0)) stop();
    this._again = false;
  }

  run(): void {
    this._again = true;
    if (this._running) return;
    this._running = true;
    try {
      while (this._again && this._stops.length > 0) {
        this._again = false;
        while (this._step());
      }
    } finally {
      this._running = false;
    }
  }

  /** What was taken and not given yet. */
  get rest(): Uint8Array {
    return this._rest?.left ?? new Uint8Array(0);
  }

  /** Nothing is left that could be moved now. */
  get idle(): boolean {
    return this._rest === undefined;
  }

  private _step(): boolean {
    if (this._stops.length === 0) return false;
    if (!this._rest) {
      const sink = new BufferSink(new Uint8Array(CHUNK), this.hostFiles);
      const got = this.from.tryRead(sink);
      if (got === WOULD_BLOCK) return false;
      if (got instanceof Failure || got === 0) return this._end();
      this._rest = new BufferSource(sink.bytes, this.hostFiles);
    }
    const put = this.to.tryWrite(this._rest);
    if (put === WOULD_BLOCK) return false;
    if (put instanceof Failure) return this._end();
    if (this._rest.remaining === 0) this._rest = undefined;
    return true;
  }

  private _end(): false {
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

export interface BridgedTerminal {
  readonly master: MasterFile;
  readonly typed: Uint8Array;
}

export class TerminalBridge {
  private readonly _typing: Pump | undefined;
  private readonly _showing: Pump | undefined;
  private readonly _services: Pick<KernelServices, 'delays'>;
  private _finishing = false;
  private _closed = false;
  /** When something was last shown, and the timer of what is to be shown next. */
  private _shownAtNs = Number.NEGATIVE_INFINITY;
  private _cancelShow: (() => void) | undefined;

  /** Takes over the master and the ends. */
  constructor(
    readonly master: MasterFile,
    readonly ends: BridgeEnds,
    services: Pick<KernelServices, 'delays' | 'hostFiles' | 'hostWaits'>,
  ) {
    const { hostFiles } = services;
    const { input, output } = ends;
    if (input) master.terminal.typist = services.hostWaits;
    this._services = services;
    // The end of input is no hang-up: the guest's output still matters.
    if (input) this._typing = new Pump(input, master, hostFiles, () => {});
    if (output) this._showing = new Pump(master, output, hostFiles, () => this.close());
  }

  /** What a saved kernel needs to have it again: the master, and what was typed and has not reached it. */
  toBeSaved(): BridgedTerminal {
    const { input } = this.ends;
    const waiting = input instanceof StdioFile ? [input.stream.allUnread()] : [];
    const typed = Buffer.concat([...(this._typing ? [this._typing.rest] : []), ...waiting]);
    return { master: this.master, typed: new Uint8Array(typed) };
  }

  start(): void {
    this._typing?.start();
    this._showing?.start(() => this._show());
  }

  /** At once after a pause, so that echo feels immediate; what comes thick and fast goes together. */
  private _show(): void {
    const { delays } = this._services;
    const now = delays.hostNs();
    const due = this._shownAtNs + GATHER_NS;
    if (now >= due || this.master.terminal.output.length >= ENOUGH) {
      this._cancelShow?.();
      this._cancelShow = undefined;
      this._shownAtNs = now;
      this._showing?.run();
    } else {
      this._cancelShow ??= delays.after(due - now, () => {
        this._cancelShow = undefined;
        this._show();
      });
    }
  }

  resize(columns: number, rows: number): void {
    this.master.terminal.setSize({ row: rows, col: columns, xpixel: 0, ypixel: 0 });
  }

  /** The guest's main process has ended: shows what is left, then hangs up. */
  finish(): void {
    if (this._finishing || this._closed) return;
    this._finishing = true;
    if (!this._drained() && this.ends.output)
      this.ends.output.listen(OUT | WRNORM | HUP | ERR, () => this._closeWhenDrained());
    this._closeWhenDrained();
  }

  /** Hangs up. */
  close(): void {
    if (this._closed) return;
    this._closed = true;
    this._typing?.stop();
    this._showing?.stop();
    this._cancelShow?.();
    this.master.release();
    this.ends.input?.release();
    this.ends.output?.release();
  }

  private _closeWhenDrained(): void {
    this._showing?.run();
    if (this._drained()) this.close();
  }

  private _drained(): boolean {
    return !this._showing || (this._showing.idle && this.master.terminal.output.length === 0);
  }
}
