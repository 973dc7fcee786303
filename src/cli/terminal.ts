/**
 * `troupe run -t`: the caller's terminal becomes the window of the guest's. It is raw meanwhile, so that
 * every key reaches the guest, and is put back however troupe ends: by itself, by an error, or (a watcher
 * sees to that) by being killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Process, WindowSize } from '../index.js';
import { rawTerminal, windowSize } from '../platform/host/terminal.unsafe.js';
import { UsageError } from './args.js';

const STDIN = 0;

export class CallersTerminal {
  readonly #onResize: () => void;
  #guest: Process | undefined;
  #restore: (() => void) | undefined;
  #watcher: ChildProcess | undefined;

  constructor() {
    this.#onResize = () => {
      const { columns, rows } = this.size;
      this.#guest?.resize(columns, rows);
    };
  }

  static check(): void {
    if (!process.stdin.isTTY) {
      throw new UsageError('-t: standard input is not a terminal; leave -t out, or run troupe in one');
    }
  }

  get size(): WindowSize {
    return windowSize(STDIN);
  }

  /** Joins the terminal to a guest that was spawned with `stdio: 'pty'`. */
  attach(guest: Process): void {
    this.#guest = guest;
    guest.once('spawn', () => {
      this.#watcher = watchOver();
      this.#restore = rawTerminal(STDIN);
      process.once('exit', this.#putBack);
      process.on('SIGWINCH', this.#onResize);
      // It may have changed while the guest was being made.
      this.#onResize();
      const { stdin, stdout } = guest;
      stdin?.on('error', () => {});
      if (stdin) process.stdin.pipe(stdin, { end: false });
      stdout?.pipe(process.stdout, { end: false });
    });
  }

  detach(): void {
    process.off('SIGWINCH', this.#onResize);
    process.stdin.unpipe();
    process.stdin.pause();
    process.off('exit', this.#putBack);
    this.#putBack();
  }

  readonly #putBack = (): void => {
    this.#restore?.();
    this.#restore = undefined;
    this.#watcher?.kill('SIGKILL');
    this.#watcher = undefined;
  };
}

/**
 * Waits for the end of this process, however it comes, and makes the terminal usable again. In a session
 * of its own, so that keys do not end it and nothing stops it.
 */
function watchOver(): ChildProcess {
  const script = 'read -r _; exec stty sane <&3';
  const watcher = spawn('/bin/sh', ['-c', script], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore', STDIN],
  });
  // Without a shell on the host there is nobody to watch.
  watcher.on('error', () => {});
  watcher.stdin?.on('error', () => {});
  watcher.unref();
  return watcher;
}
