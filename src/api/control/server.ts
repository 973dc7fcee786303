/**
 * The end of a control socket that a sandbox keeps: does what other processes of its user ask of it
 * (`troupe ps`, `pause`, `exec`…), each by an operation of its kernel.
 */
import { chmodSync, linkSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { assertNever } from '../../base/assert.js';
import type { ControlAnswer, ControlRequest, ExecInput, ProcessEnd } from '../../messages/control.js';
import type { KernelEvent } from '../../messages/events.js';
import type { SaveProgress } from '../../messages/kernel.js';
import type { Kernel } from '../kernel.js';
import { KernelError } from '../kernel-error.js';
import { type Process, SpawnError } from '../process.js';
import { checkExecInput, checkRequest } from './check-request.js';
import { removeIfDead } from './client.js';
import { ControlError } from './control-error.js';
import { LineChannel } from './line-channel.js';
import { runDirectory, socketPath } from './run-directory.js';

/** How long the last words may take to reach who waits for them. */
const FAREWELL_MS = 1_000;

/** What everything exits with that is ended once it was saved: as by SIGKILL. */
const STOPPED_STATUS = 137;

type Channel = LineChannel<unknown, ControlAnswer>;
/** What is answered once, as soon as it is done. */
type Operation = Exclude<ControlRequest, { readonly type: 'wait' | 'events' | 'exec' }>;

export interface ControlledSandbox {
  readonly name: string;
  readonly kernel: Kernel;
  /** What it runs. */
  readonly main: Process;
  readonly command: readonly string[];
}

export class ControlServer {
  readonly #sandbox: ControlledSandbox;
  readonly #path: string;
  readonly #server: Server;
  readonly #channels = new Set<Channel>();
  readonly #waiting = new Set<Channel>();
  /** Answers on their way: what ends the sandbox is answered too. */
  readonly #answering = new Set<Promise<void>>();
  /** Those that are told of events, each until it has the last. */
  readonly #followers = new Map<Channel, Promise<void>>();
  readonly #startedAt = Date.now();
  #pauses = 0;

  private constructor(sandbox: ControlledSandbox, path: string) {
    this.#sandbox = sandbox;
    this.#path = path;
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.unref();
  }

  /** Throws ControlError EEXIST when a sandbox of this name runs. */
  static async open(sandbox: ControlledSandbox): Promise<ControlServer> {
    const directory = runDirectory();
    const path = socketPath(directory, sandbox.name);
    const server = new ControlServer(sandbox, path);
    const own = join(directory, `.${process.pid}`);
    rmSync(own, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(own, resolve);
    });
    chmodSync(own, 0o600);
    try {
      await server.#publish(own);
    } catch (e) {
      server.#server.close();
      throw e;
    }
    return server;
  }

  /** The name is taken by a link, which fails when it is there: two that start at once cannot both have it. */
  async #publish(own: string): Promise<void> {
    try {
      for (;;) {
        try {
          linkSync(own, this.#path);
          return;
        } catch (e) {
          if (!(e instanceof Error && 'code' in e && e.code === 'EEXIST')) throw e;
        }
        if (await removeIfDead(this.#path)) continue;
        const { name } = this.#sandbox;
        throw new ControlError('EEXIST', `a sandbox named ${name} runs already; choose another --name`);
      }
    } finally {
      rmSync(own, { force: true });
    }
  }

  /** The sandbox has ended: who waits is told how, and the socket goes. Followers stay until their last event. */
  async close(end: ProcessEnd | undefined): Promise<void> {
    rmSync(this.#path, { force: true });
    this.#server.close();
    const told = [...this.#waiting].map((channel) =>
      channel.end(end ? { type: 'exit', end } : failure(new Error('the sandbox could not be started'))),
    );
    await soon([...told, ...this.#answering]);
    for (const channel of this.#channels) if (!this.#followers.has(channel)) channel.destroy();
  }

  /** The kernel has stopped: who follows its events has the last one, or is slow. */
  async farewell(): Promise<void> {
    await soon([...this.#followers.values()]);
    for (const channel of this.#channels) channel.destroy();
  }

  #serve(socket: Socket): void {
    const channel: Channel = new LineChannel(socket);
    this.#channels.add(channel);
    void channel.closed.then(() => {
      this.#channels.delete(channel);
      this.#waiting.delete(channel);
    });
    channel.onMessage((message) => {
      // One request a connection: what follows is input of exec, which takes over.
      channel.onMessage(() => channel.destroy());
      this.#answer(channel, message).catch((e: unknown) => channel.end(failure(e)));
    });
  }

  async #answer(channel: Channel, message: unknown): Promise<void> {
    const request = checkRequest(message);
    switch (request.type) {
      case 'wait':
        this.#waiting.add(channel);
        return;
      case 'events':
        return this.#follow(channel, request);
      case 'exec':
        return this.#exec(channel, request);
      default: {
        const answered = this.#perform(request, channel).then((answer) => channel.end(answer));
        this.#answering.add(answered);
        const forget = (): void => void this.#answering.delete(answered);
        answered.then(forget, forget);
        return answered;
      }
    }
  }

  async #perform(request: Operation, channel: Channel): Promise<ControlAnswer> {
    const { kernel, main } = this.#sandbox;
    switch (request.type) {
      case 'info':
        return { type: 'info', info: await this.#info() };
      case 'tasks':
        return { type: 'tasks', tasks: await kernel.taskSet() };
      case 'pause':
        await this.#pause();
        break;
      case 'resume':
        await this.#resume();
        break;
      case 'save':
        await this.#save(request, channel);
        break;
      case 'kill':
        await kernel.kill(request.status);
        break;
      case 'signal':
        await kernel.sendExternalSignalThreadGroup(
          request.pid ?? main.pid ?? 0,
          { signo: request.signo },
          'control socket',
        );
        break;
      default:
        assertNever(request, 'control request');
    }
    return { type: 'done' };
  }

  async #info(): Promise<Extract<ControlAnswer, { type: 'info' }>['info']> {
    const { name, command, kernel } = this.#sandbox;
    const tasks = (await kernel.taskSet()).filter((t) => t.state !== 'zombie').length;
    return { name, pid: process.pid, command, startedAt: this.#startedAt, pauses: this.#pauses, tasks };
  }

  async #pause(): Promise<void> {
    await this.#sandbox.kernel.pause();
    this.#pauses++;
  }

  async #resume(): Promise<void> {
    await this.#sandbox.kernel.unpause();
    this.#pauses--;
  }

  /** A pause of its own: one that was paused stays so. */
  async #save(
    { path, compress, stop, progress: wanted }: Extract<ControlRequest, { type: 'save' }>,
    channel: Channel,
  ): Promise<void> {
    const { kernel } = this.#sandbox;
    const tell = (progress: SaveProgress): void => void channel.send({ type: 'progress', progress });
    await this.#pause();
    try {
      await kernel.saveTo(path, { compress, onProgress: wanted ? tell : undefined });
    } catch (e) {
      await this.#resume();
      throw e;
    }
    // While it is paused: nothing is done after what was saved.
    if (stop) await kernel.kill(STOPPED_STATUS);
    else await this.#resume();
  }

  #follow(channel: Channel, { filter }: Extract<ControlRequest, { type: 'events' }>): Promise<void> {
    const events = this.#sandbox.kernel.observe(filter)[Symbol.asyncIterator]();
    const following = this.#forwardEvents(channel, events);
    this.#followers.set(channel, following);
    void channel.closed.then(() => {
      this.#followers.delete(channel);
      void events.return?.();
    });
    return following;
  }

  /** No faster than the other side reads. */
  async #forwardEvents(channel: Channel, events: AsyncIterator<KernelEvent>): Promise<void> {
    for (let next = await events.next(); !next.done; next = await events.next()) {
      if (!channel.send({ type: 'event', event: next.value })) await channel.drained();
    }
    await channel.end({ type: 'done' });
  }

  async #exec(channel: Channel, request: Extract<ControlRequest, { type: 'exec' }>): Promise<void> {
    const { command, args, env, cwd, user, terminal } = request;
    const streams = terminal
      ? ({ stdio: 'pty', windowSize: terminal } as const)
      : ({ stdio: 'pipe' } as const);
    const guest = this.#sandbox.kernel.spawn(command, args, { env, cwd, user, ...streams });
    guest.on('error', () => {});
    guest.on('spawn', () => channel.send({ type: 'started', pid: guest.pid ?? 0 }));
    guest.stdin?.on('error', () => {});
    channel.onMessage((message) => feed(channel, guest, checkOr(channel, message)));
    // Who asked for it has gone: so does it.
    void channel.closed.then(() => guest.kill('SIGKILL'));
    const outputs = [forward(channel, 'stdout', guest.stdout), forward(channel, 'stderr', guest.stderr)];
    const end = await guest.completed;
    await Promise.all(outputs);
    await channel.end({ type: 'exit', end });
  }
}

/** Waits for all of them, but not for long. */
async function soon(all: readonly Promise<void>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FAREWELL_MS);
  });
  await Promise.race([Promise.allSettled(all), late]);
  clearTimeout(timer);
}

function checkOr(channel: Channel, message: unknown): ExecInput | undefined {
  try {
    return checkExecInput(message);
  } catch {
    channel.destroy();
    return undefined;
  }
}

/** No faster than the guest reads. */
function feed({ socket }: Channel, guest: Process, input: ExecInput | undefined): void {
  switch (input?.type) {
    case 'stdin':
      if (guest.stdin?.write(Buffer.from(input.data, 'base64')) === false) {
        socket.pause();
        guest.stdin.once('drain', () => socket.resume());
      }
      break;
    case 'stdinEnd':
      guest.stdin?.end();
      break;
    case 'signal':
      guest.kill(input.signo);
      break;
    case 'resize':
      guest.resize(input.columns, input.rows);
      break;
    case undefined:
      break;
    default:
      assertNever(input, 'input of exec');
  }
}

/** No faster than the other side reads. */
async function forward(channel: Channel, type: 'stdout' | 'stderr', from: Readable | null): Promise<void> {
  if (!from) return;
  try {
    for await (const chunk of from) {
      const data = (chunk as Buffer).toString('base64');
      if (!channel.send({ type, data })) await channel.drained();
    }
  } catch {
    // The process was abandoned: its end says so.
  }
}

function failure(e: unknown): ControlAnswer {
  const message = e instanceof Error ? e.message : String(e);
  if (e instanceof SpawnError) return { type: 'error', code: e.code, message, obstacle: e.obstacle };
  return { type: 'error', code: e instanceof KernelError ? e.code : 'EINVAL', message };
}
