/** A guest process, shaped like node:child_process's ChildProcess. */
import { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { errnoName } from '../abi/errno.js';
import { SIG, signalName } from '../abi/signal.js';
import type { KernelLink } from '../actors/kernel-link.js';
import { fromUnicode } from '../base/bytes.js';
import type { CreatedProcess, OperationResult } from '../messages/kernel.js';
import type { ProcessSpec, StartObstacle, StdioSource } from '../messages/shard.js';
import { defaultEnv, type SpawnOptions } from '../options.js';
import { KernelError } from './kernel-error.js';
import { ProcessStreams } from './process-streams.js';
import { stdioOf } from './stdio.js';

export interface ProcessExit {
  readonly exitCode: number | null;
  /** As in node: SIGKILL, SIGSEGV… */
  readonly signal: string | null;
  readonly timedOut: boolean;
}

/**
 * A program could not be started. `code` is the errno's name, or ECLOSED when the kernel went away;
 * `obstacle` says whether it was the program, its working directory, or the sandbox itself.
 */
export class SpawnError extends Error {
  override readonly name = 'SpawnError';
  constructor(
    readonly code: string,
    readonly obstacle: StartObstacle,
    message: string,
  ) {
    super(message);
  }
}

/** What concerns this end of a process only. */
export type ProcessOptions = Pick<SpawnOptions, 'timeout' | 'signal'>;

/** How a process comes to be, and what its streams are. */
export interface ProcessStart {
  readonly stdio: readonly StdioSource[];
  create(): Promise<OperationResult<CreatedProcess>>;
}

/** A program that is started. */
export function startOf(link: KernelLink, spec: ProcessSpec): ProcessStart {
  return { stdio: spec.stdio, create: () => link.operations.createProcess(spec) };
}

export class Process extends EventEmitter {
  pid: number | undefined;
  /** The streams of what is `pipe` in the options, and of the terminal of `pty`. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  exitCode: number | null = null;
  signalCode: string | null = null;
  /** Settles when the process has ended; rejects with SpawnError or KernelError when it could not start. */
  readonly completed: Promise<ProcessExit>;
  readonly #streams: ProcessStreams;
  readonly #link: KernelLink;
  readonly #options: ProcessOptions;
  #resolve: (exit: ProcessExit) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #timedOut = false;
  #settled = false;
  /** A signal sent before the process was there. */
  #pendingSignal: number | undefined;

  constructor(link: KernelLink, start: ProcessStart, options: ProcessOptions = {}) {
    super();
    this.#link = link;
    this.#options = options;
    this.completed = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever listens to events only must not be ended by an unhandled rejection.
    this.completed.catch(() => {});
    this.#streams = new ProcessStreams(start.stdio);
    this.stdin = this.#streams.stdin;
    this.stdout = this.#streams.stdout;
    this.stderr = this.#streams.stderr;
    void this.#run(start);
  }

  /** Sends a signal, by name or number; true when it could be sent or noted. */
  kill(signal: NodeJS.Signals | number = 'SIGTERM'): boolean {
    const signo = typeof signal === 'number' ? signal : signalNumber(signal);
    if (this.#settled) return false;
    if (this.pid === undefined) this.#pendingSignal = signo;
    else this.#link.operations.signal(this.pid, signo).catch(() => {});
    return true;
  }

  /** Tells the terminal of `stdio: 'pty'` that its window has this size now; the process gets SIGWINCH. */
  resize(columns: number, rows: number): void {
    if (this.pid === undefined || this.#settled) return;
    this.#link.operations.resize(this.pid, columns, rows).catch(() => {});
  }

  /** The kernel is gone, and the process with it. */
  abandoned(why: string): void {
    this.#fail(new SpawnError('ECLOSED', 'sandbox', why));
  }

  async #run(start: ProcessStart): Promise<void> {
    const { signal } = this.#options;
    const abort = (): void => {
      this.kill('SIGKILL');
    };
    try {
      if (signal?.aborted) throw new SpawnError('ABORT_ERR', 'sandbox', 'the operation was aborted');
      const made = await start.create();
      if (made.type === 'error') {
        if (made.code !== undefined) throw new KernelError(made);
        throw new SpawnError(errnoName(made.errno), made.obstacle ?? 'sandbox', made.message);
      }
      if (this.#settled) return;
      this.#started(made.value);
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted) abort();
      const status = await this.#link.runTask(made.value.shard, made.value.pid);
      this.#exited(status);
    } catch (e) {
      this.#fail(e instanceof Error ? e : new Error(String(e)));
    } finally {
      signal?.removeEventListener('abort', abort);
      clearTimeout(this.#timer);
    }
  }

  #started({ pid, pipes }: CreatedProcess): void {
    this.pid = pid;
    this.#streams.connect(pipes);
    const { timeout } = this.#options;
    if (timeout !== undefined) {
      this.#timer = setTimeout(() => {
        this.#timedOut = true;
        this.kill('SIGKILL');
      }, timeout * 1000);
    }
    this.emit('spawn');
    if (this.#pendingSignal !== undefined) this.kill(this.#pendingSignal);
  }

  #exited(status: number): void {
    if (this.#settled) return;
    this.#settled = true;
    const signo = status & 0x7f;
    this.exitCode = signo === 0 ? (status >> 8) & 0xff : null;
    this.signalCode = signo === 0 ? null : signalName(signo);
    this.emit('exit', this.exitCode, this.signalCode);
    void this.#streams.drained().then(() => this.emit('close', this.exitCode, this.signalCode));
    this.#resolve({ exitCode: this.exitCode, signal: this.signalCode, timedOut: this.#timedOut });
  }

  #fail(error: Error): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#streams.abandon();
    this.#reject(error);
    if (this.listenerCount('error') > 0) this.emit('error', error);
    this.emit('close', null, null);
  }
}

function signalNumber(name: string): number {
  const signo = (SIG as Readonly<Record<string, number>>)[name.replace(/^SIG/, '')];
  if (signo === undefined) throw new TypeError(`unknown signal ${name}`);
  return signo;
}

/** What `spawn` asks for. */
export function spawnSpec(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
  rootfs: string,
): ProcessSpec {
  const env = options.env ?? defaultEnv();
  const { uid, gid } = options.user ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const groups = options.user ? [] : (process.getgroups?.() ?? []);
  return {
    command: fromUnicode(command),
    searchPath: true,
    argv: [options.argv0 ?? command, ...args].map(fromUnicode),
    envp: Object.entries(env).map(([k, v]) => fromUnicode(`${k}=${v}`)),
    cwd: fromUnicode(options.cwd ?? (rootfs === '/' ? process.cwd() : '/')),
    uid,
    gid,
    groups,
    stdio: stdioOf(options),
    exec: options.exec === true,
  };
}
