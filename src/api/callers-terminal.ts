/**
 * This process's own terminal as the window of a guest's (`troupe run -t`, `exec -t`). It is raw meanwhile, so that
 * every key reaches the guest, and is put back however this process ends: by itself, by an error, or (a
 * watcher sees to that) by being killed.
 */
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { childProcess } from '../actors/lazy-builtins.js';
import type { WindowSize } from '../options.js';
import type { Process } from './process.js';

const STDIN = 0;

type HostTerminal = typeof import('../platform/host/terminal.unsafe.js');

/** A process with a terminal of its own, here or in a sandbox that another process keeps. */
export interface ShownProcess {
  /** What is typed. */
  readonly stdin: Writable | null;
  /** What appears. */
  readonly stdout: Readable | null;
  resize(columns: number, rows: number): void;
}

export class CallersTerminal {
  readonly #onResize = (): void => {
    const { columns, rows } = this.size;
    this.#guest?.resize(columns, rows);
  };
  /** A shell that stopped this process has had its own settings meanwhile. */
  readonly #onContinue = (): void => {
    this.host.rawTerminal(STDIN);
    this.#onResize();
  };
  /** The terminal has gone: the guest hears of it by the SIGHUP that comes with that. */
  readonly #onGone = (): void => {};
  #guest: ShownProcess | undefined;
  #restore: (() => void) | undefined;
  #watcher: ChildProcess | undefined;

  private constructor(readonly host: HostTerminal) {}

  /** The C library is loaded by those who want a terminal only. */
  static async open(): Promise<CallersTerminal> {
    return new CallersTerminal(await import('../platform/host/terminal.unsafe.js'));
  }

  /** Whether there is one: standard input. */
  static get isThere(): boolean {
    return process.stdin.isTTY === true;
  }

  get size(): WindowSize {
    return this.host.windowSize(STDIN);
  }

  /** Joins the terminal to a guest that was spawned with `stdio: 'pty'`, from its start until `detach`. */
  attach(guest: Process): void {
    guest.once('spawn', () => this.join(guest));
  }

  /** As `attach`, of one that runs. */
  join(guest: ShownProcess): void {
    this.#guest = guest;
    this.#watcher = watchOver();
    this.#restore = this.host.rawTerminal(STDIN);
    process.once('exit', this.#putBack);
    process.on('SIGWINCH', this.#onResize);
    process.on('SIGCONT', this.#onContinue);
    process.stdin.on('error', this.#onGone);
    process.stdout.on('error', this.#onGone);
    // It may have changed while the guest was being made.
    this.#onResize();
    const { stdin, stdout } = guest;
    stdin?.on('error', () => {});
    if (stdin) process.stdin.pipe(stdin, { end: false });
    stdout?.pipe(process.stdout, { end: false });
  }

  detach(): void {
    process.off('SIGWINCH', this.#onResize);
    process.off('SIGCONT', this.#onContinue);
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
  const watcher = childProcess().spawn('/bin/sh', ['-c', script], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore', STDIN],
  });
  // Without a shell on the host there is nobody to watch.
  watcher.on('error', () => {});
  watcher.stdin?.on('error', () => {});
  watcher.unref();
  return watcher;
}
