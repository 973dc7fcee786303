/**
 * The kernel as its embedder holds it: boots the threads, spawns processes, hands out the event stream,
 * and closes everything again. Each operation is a message to the Kernel actor.
 */
import { availableParallelism, totalmem } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { E } from '../abi/errno.js';
import { KernelLink } from '../actors/kernel-link.js';
import { BrokenImage } from '../actors/save/frames.js';
import { readDescription } from '../actors/save/image-file.js';
import {
  EVENT_TYPES,
  type EventOf,
  type EventType,
  type FaultEvent,
  type FileEvent,
  type KernelEvent,
  type SignalEvent,
  type StopEvent,
  type StreamEvent,
  type SyscallEvent,
  type TaskEvent,
  type TimerEvent,
} from '../messages/events.js';
import {
  type ImageDescription,
  type KernelConfig,
  ok,
  refused,
  type SaveOptions,
} from '../messages/kernel.js';
import type { LoadRequest } from '../messages/shard.js';
import {
  type EventFilter,
  type KernelOptions,
  type LoadOptions,
  OptionsError,
  parseKernelOptions,
  parseLoadOptions,
  parseSpawnOptions,
  type SpawnOptions,
} from '../options.js';
import { checkStraceFilter } from './check-strace.js';
import { type EventStream, eventStream } from './event-stream.js';
import { InterceptError, type Interception, moduleUrlOf } from './interception.js';
import { KernelError, unwrap } from './kernel-error.js';
import { Observers } from './observers.js';
import { Process, startOf, stdioOf } from './process.js';
import { readSaved, writeSaved } from './saved-kernel.js';

const DEFAULT_MAX_TASKS = 4096;
const DEFAULT_LOG_LEVEL = 'warn';

export class Kernel {
  readonly #link: KernelLink;
  readonly #observers: Observers;
  readonly #processes = new Set<Process>();
  readonly #config: KernelConfig;
  #closing: Promise<void> | undefined;

  private constructor(config: KernelConfig) {
    this.#config = config;
    this.#link = new KernelLink(config, {
      broke: (error) => this.#broke(error),
    });
    this.#observers = new Observers(this.#link, config);
  }

  /** Starts a kernel: its shards and, on the first of them, its Kernel actor. Throws OptionsError. */
  static async boot(options: KernelOptions = {}): Promise<Kernel> {
    return new Kernel(await configOf(parseKernelOptions(options)));
  }

  /**
   * What happens in the sandbox from now on, as far as the filter wants it: an Observable, and iterable
   * with `for await`. Each subscription begins with the event `kernel` and ends, when the kernel is closed,
   * with `end`. What nobody asks for is not made. Throws OptionsError.
   */
  observe<const T extends EventType = EventType>(
    filter: EventFilter<T> = {},
  ): EventStream<EventOf<T> | StreamEvent> {
    return eventStream(this.#observers.observe(filter));
  }

  get events$(): EventStream<KernelEvent> {
    return this.observe();
  }

  get syscalls$(): EventStream<SyscallEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.syscalls });
  }

  get tasks$(): EventStream<TaskEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.tasks });
  }

  get signals$(): EventStream<SignalEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.signals });
  }

  get stops$(): EventStream<StopEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.stops });
  }

  get timers$(): EventStream<TimerEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.timers });
  }

  get files$(): EventStream<FileEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.files });
  }

  get faults$(): EventStream<FaultEvent | StreamEvent> {
    return this.observe({ types: EVENT_TYPES.faults });
  }

  /**
   * Starts a program, as child_process.spawn does: returns at once; `pid` is there after the event
   * `spawn`, and a failure to start comes as the event `error` and the rejection of `completed`.
   */
  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Process {
    const host = { link: this.#link };
    const parsed = parseSpawnOptions(options);
    return this.#add(new Process(host, startOf(host, this.#config.rootfs, command, args, parsed), parsed));
  }

  #add(made: Process): Process {
    this.#processes.add(made);
    made.completed.then(
      () => this.#processes.delete(made),
      () => this.#processes.delete(made),
    );
    return made;
  }

  /** Those that were spawned, or loaded, and have not ended. */
  get processes(): readonly Process[] {
    return [...this.#processes];
  }

  /**
   * Writes the kernel, which must be paused, into a file or a stream. It can be unpaused afterwards and goes
   * on as if nothing had been. KernelError: `NotPaused`; `CannotSave`, with a message that names what stands
   * in the way.
   */
  saveTo(to: string | Writable, options: Partial<SaveOptions> = {}): Promise<void> {
    const { compress = false } = options;
    return writeSaved(to, async (path) => unwrap(await this.#link.operations.saveTo(path, { compress })));
  }

  /**
   * A kernel that goes on where a saved one was, in this process or another. It is paused: `unpause` lets it
   * go on. `processes` are those that the embedder had spawned; they get the streams of `stdio` in place of
   * their own. KernelError: `BrokenImage` for a file that is no saved kernel, is truncated or was altered;
   * `CannotLoad`, with a message that names what this host lacks.
   */
  static loadFrom(from: string | Readable, options: LoadOptions = {}): Promise<Kernel> {
    const { stdio, windowSize, sleepers = 'keep', logLevel } = parseLoadOptions(options);
    return readSaved(from, async (path) => {
      const { config } = describedBy(path);
      const kernel = new Kernel({ ...config, began: hostNow(), ...(logLevel && { logLevel }) });
      try {
        await kernel.#load({ path, stdio: stdioOf({ stdio, windowSize }), sleepers });
      } catch (e) {
        await kernel.close();
        throw e;
      }
      return kernel;
    });
  }

  async #load(request: LoadRequest): Promise<void> {
    const loaded = unwrap(await this.#link.operations.load(request));
    for (const process of loaded) {
      const start = { stdio: request.stdio, create: async () => ok(process) };
      this.#add(new Process({ link: this.#link }, start, {}));
    }
  }

  /**
   * Loads a module of hooks (`SyscallHooks`) into every shard: from then on it is asked about the system
   * calls that it names, before and after them. Processes spawned later are its own; so are those that run.
   * Throws InterceptError when the module cannot be loaded, or is not one of hooks.
   */
  async intercept(moduleUrl: string | URL): Promise<Interception> {
    const { operations } = this.#link;
    const url = moduleUrlOf(moduleUrl);
    const result = await operations.intercept(url);
    if (result.type === 'error') throw new InterceptError(url, result.message);
    const { value } = result;
    const close = (): Promise<void> => (this.#closing ? this.#closing : operations.stopIntercepting(value));
    return { close, [Symbol.asyncDispose]: close };
  }

  /** Ends every task with this exit status; does not wait. */
  kill(exitStatus: number): Promise<void> {
    return this.#link.operations.kill(exitStatus);
  }

  /**
   * Freezes the sandbox: resolves when every task has stopped. Tasks made meanwhile start stopped, and
   * time stands still for timers. Pauses nest. Rejects with KernelError `PauseEnded` when `unpause` came
   * before every task had stopped.
   */
  async pause(): Promise<void> {
    return unwrap(await this.#link.operations.pause());
  }

  /** Ends one pause; after the last one, everything goes on. KernelError `NotPaused` without one. */
  async unpause(): Promise<void> {
    return unwrap(await this.#link.operations.unpause());
  }

  /** Resolves when no process lives. */
  waitExited(): Promise<void> {
    return this.#link.operations.waitExited();
  }

  /**
   * Ends what still runs; no host process of the sandbox is left. For who exits next: the threads, which
   * take longer to end, go with this process. Nothing may be asked of the kernel any more but `close`.
   */
  async stop(): Promise<void> {
    await this.#link.stop();
    this.#observers.end();
  }

  /**
   * Stops guests' time: their clocks, timers and timeouts, and the CPU clock. What computes goes on.
   * Idempotent.
   */
  pauseTime(): Promise<void> {
    return this.#link.operations.pauseTime();
  }

  /** Time goes on from where it stood, the wall clock from the present. Without a pause it does nothing. */
  resumeTime(): Promise<void> {
    return this.#link.operations.resumeTime();
  }

  /** Guests' CLOCK_REALTIME, in nanoseconds since the epoch. */
  realtimeClock(): Promise<bigint> {
    return this.#link.operations.realtimeClock();
  }

  nowNanoseconds(): Promise<bigint> {
    return this.#link.operations.realtimeClock();
  }

  /** Guests' CLOCK_MONOTONIC, in nanoseconds since the kernel began. */
  monotonicClock(): Promise<bigint> {
    return this.#link.operations.monotonicClock();
  }

  /** Ticks of 10 ms in which some guest ran. */
  cpuClockNow(): Promise<number> {
    return this.#link.operations.cpuClockNow();
  }

  /** Ends what still runs and frees everything. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const p of this.#processes) p.abandoned('the kernel was closed');
    await this.#link.close();
    this.#observers.end();
  }

  /** A worker is gone: nothing of this kernel can go on. */
  #broke(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    for (const p of this.#processes) p.abandoned(`the kernel broke: ${why}`);
    void this.close();
  }
}

/** What the file says of itself. */
function describedBy(path: string): ImageDescription {
  try {
    return readDescription(path);
  } catch (e) {
    if (!(e instanceof BrokenImage)) throw e;
    throw new KernelError(refused('BrokenImage', E.EINVAL, e.message));
  }
}

/** CLOCK_MONOTONIC of the host. */
function hostNow(): KernelConfig['began'] {
  const [sec, nsec] = process.hrtime();
  return { sec, nsec };
}

async function configOf(options: KernelOptions): Promise<KernelConfig> {
  const filter = options.strace?.filter;
  if (filter !== undefined) {
    const wrong = checkStraceFilter(filter);
    if (wrong) throw new OptionsError(`strace: ${wrong}`);
  }
  const inject = typeof options.inject === 'string' ? [options.inject] : (options.inject ?? []);
  if (inject.length > 0) {
    // The table of all system calls comes with it: only who asks loads that.
    const { checkInjection } = await import('./check-injection.js');
    for (const rule of inject) {
      const wrong = checkInjection(rule);
      if (wrong) throw new OptionsError(`inject: ${rule}: ${wrong}`);
    }
  }
  const cores = options.cores ?? availableParallelism();
  const time = options.time ?? 'real';
  const placement = options.placement ?? (time === 'virtual' ? 'pack' : 'adaptive');
  const shards = options.shards ?? (placement === 'pack' ? 1 : cores);
  // Shards would have to agree that all of them wait before any of their clocks may leap.
  if (time === 'virtual' && shards > 1) throw new OptionsError("time: 'virtual' needs shards: 1");
  return {
    rootfs: options.rootfs ?? '/',
    binds: options.binds ?? [],
    tmpfs: options.tmpfs ?? [],
    hostname: options.hostname ?? 'troupe',
    cores,
    shards,
    placement,
    memoryBytes: options.memory ?? totalmem(),
    maxTasks: options.pids ?? DEFAULT_MAX_TASKS,
    time,
    began: hostNow(),
    strace: options.strace ? { filter } : undefined,
    inject,
    injectSeed: options.injectSeed ?? 0,
    logLevel: options.logLevel ?? DEFAULT_LOG_LEVEL,
  };
}
