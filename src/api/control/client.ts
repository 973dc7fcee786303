/** The end of a control socket that asks: another process of the same user. */
import { existsSync, rmSync, statSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { Writable } from 'node:stream';
import type {
  ControlAnswer,
  ControlFilter,
  ControlRequest,
  ExecInput,
  ProcessEnd,
  SandboxInfo,
} from '../../messages/control.js';
import type { KernelEvent } from '../../messages/events.js';
import type { SaveProgress } from '../../messages/kernel.js';
import type { TaskSnapshot } from '../../messages/snapshots.js';
import { SpawnError } from '../process.js';
import { ControlError } from './control-error.js';
import { LineChannel } from './line-channel.js';
import { runDirectory, sandboxNames, socketPath } from './run-directory.js';

type Channel = LineChannel<ControlAnswer, ControlRequest | ExecInput>;

/** What exec is asked for, and what it tells meanwhile. */
export type ExecRequest = Omit<Extract<ControlRequest, { type: 'exec' }>, 'type'>;

export interface SandboxSaveOptions {
  /** Whether memory is compressed too: smaller, and slower. */
  readonly compress: boolean;
  /** It ends once it is saved. */
  readonly stop: boolean;
  /** Told now and then how far it is, and at the end. */
  readonly onProgress?: ((progress: SaveProgress) => void) | undefined;
}

export interface RunningExec {
  /** No faster than the sandbox takes it. */
  readonly stdin: Writable;
  signal(signo: number): void;
  /** Of a terminal. */
  resize(columns: number, rows: number): void;
  /** Rejects as `completed` when it could not start. */
  readonly started: Promise<void>;
  /** Rejects with SpawnError when it could not start. */
  readonly completed: Promise<ProcessEnd>;
}

/** A sandbox of this user, by its name. Every operation throws ControlError ENOENT when none runs. */
export class Sandbox {
  readonly #path: string;

  constructor(readonly name: string) {
    this.#path = socketPath(runDirectory(), name);
  }

  /** Those that run; sockets of dead ones are removed. */
  static async list(): Promise<SandboxInfo[]> {
    const found: SandboxInfo[] = [];
    for (const name of sandboxNames(runDirectory())) {
      try {
        found.push(await new Sandbox(name).info());
      } catch (e) {
        if (!(e instanceof ControlError)) throw e;
      }
    }
    return found;
  }

  async info(): Promise<SandboxInfo> {
    const answer = await this.#ask({ type: 'info' });
    return answer.type === 'info' ? answer.info : nonsense(this.name);
  }

  async tasks(): Promise<readonly TaskSnapshot[]> {
    const answer = await this.#ask({ type: 'tasks' });
    return answer.type === 'tasks' ? answer.tasks : nonsense(this.name);
  }

  async pause(): Promise<void> {
    await this.#ask({ type: 'pause' });
  }

  async resume(): Promise<void> {
    await this.#ask({ type: 'resume' });
  }

  async kill(status: number): Promise<void> {
    await this.#ask({ type: 'kill', status });
  }

  /** To its command when no process is named. */
  async signal(signo: number, pid?: number): Promise<void> {
    await this.#ask({ type: 'signal', signo, pid });
  }

  /** Saves it into a file, as its process sees the path; it goes on, or with `stop` ends. */
  async save(path: string, { compress, stop, onProgress }: SandboxSaveOptions): Promise<void> {
    const progress = onProgress !== undefined;
    await this.#ask({ type: 'save', path: resolve(path), compress, stop, progress }, onProgress);
  }

  /** Gives the events that the filter lets by, until the sandbox ends or `give` wants no more. */
  async follow(filter: ControlFilter, give: (event: KernelEvent) => boolean): Promise<void> {
    const channel = await this.#connect();
    const ended = new Promise<void>((resolve, reject) => {
      channel.onMessage((answer) => {
        if (answer.type === 'done' || (answer.type === 'event' && !give(answer.event))) resolve();
        else if (answer.type === 'error') reject(errorOf(answer));
      });
      void channel.closed.then(() => reject(gone(this.name)));
    });
    channel.send({ type: 'events', filter });
    await ended;
    channel.destroy();
  }

  /** How it ended. */
  async wait(): Promise<ProcessEnd> {
    const answer = await this.#ask({ type: 'wait' });
    return answer.type === 'exit' ? answer.end : nonsense(this.name);
  }

  /** Runs one more program in it. */
  async exec(
    request: ExecRequest,
    output: (stream: 'stdout' | 'stderr', data: Buffer) => void,
  ): Promise<RunningExec> {
    const channel = await this.#connect();
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const completed = new Promise<ProcessEnd>((resolve, reject) => {
      channel.onMessage((answer) => {
        if (answer.type === 'stdout' || answer.type === 'stderr') {
          output(answer.type, Buffer.from(answer.data, 'base64'));
        } else if (answer.type === 'started') begin();
        else if (answer.type === 'exit') resolve(answer.end);
        else if (answer.type === 'error') reject(errorOf(answer));
      });
      void channel.closed.then(() => reject(gone(this.name)));
    });
    const started = Promise.race([begun, completed.then(() => {})]);
    // Whoever looks at one of them only must not be ended by the other.
    completed.catch(() => {});
    started.catch(() => {});
    channel.send({ type: 'exec', ...request });
    return {
      stdin: inputOf(channel),
      signal: (signo) => void channel.send({ type: 'signal', signo }),
      resize: (columns, rows) => void channel.send({ type: 'resize', columns, rows }),
      started,
      completed,
    };
  }

  async #ask(
    request: ControlRequest,
    onProgress?: ((progress: SaveProgress) => void) | undefined,
  ): Promise<ControlAnswer> {
    const channel = await this.#connect();
    const answer = new Promise<ControlAnswer>((resolve, reject) => {
      channel.onMessage((message) => {
        if (message.type === 'progress') onProgress?.(message.progress);
        else resolve(message);
      });
      void channel.closed.then(() => reject(gone(this.name)));
    });
    channel.send(request);
    const given = await answer;
    channel.destroy();
    if (given.type === 'error') throw errorOf(given);
    return given;
  }

  async #connect(): Promise<Channel> {
    const socket = await connect(this.#path);
    if (socket) return new LineChannel(socket);
    await removeIfDead(this.#path);
    throw new ControlError('ENOENT', `no sandbox named ${this.name} runs; troupe ps lists those that do`);
  }
}

function inputOf(channel: Channel): Writable {
  return new Writable({
    write(data: Buffer, _encoding, done) {
      if (channel.send({ type: 'stdin', data: data.toString('base64') })) done();
      else void channel.drained().then(() => done());
    },
    final(done) {
      channel.send({ type: 'stdinEnd' });
      done();
    },
  });
}

/** Removes the socket of a sandbox that died without taking it along; false when there is none. */
export async function removeDead(name: string): Promise<boolean> {
  const path = socketPath(runDirectory(), name);
  return existsSync(path) && (await removeIfDead(path));
}

/** undefined: nobody listens there. */
function connect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (e: NodeJS.ErrnoException) => {
      if (e.code === 'ECONNREFUSED' || e.code === 'ENOENT') resolve(undefined);
      else reject(e);
    });
  });
}

/** Removes a socket that nobody listens at any more; false when somebody does. */
export async function removeIfDead(path: string): Promise<boolean> {
  const seen = statSync(path, { throwIfNoEntry: false });
  const socket = await connect(path);
  if (socket) {
    socket.destroy();
    return false;
  }
  // Somebody may have taken the name meanwhile.
  if (seen?.ino === statSync(path, { throwIfNoEntry: false })?.ino) rmSync(path, { force: true });
  return true;
}

function errorOf({ code, message, obstacle }: Extract<ControlAnswer, { type: 'error' }>): Error {
  return obstacle ? new SpawnError(code, obstacle, message) : new ControlError(code, message);
}

function gone(name: string): ControlError {
  return new ControlError('EPROTO', `the sandbox ${name} ended without an answer`);
}

function nonsense(name: string): never {
  throw new ControlError('EPROTO', `the sandbox ${name} gave an answer to something else`);
}
