/**
 * The kernel as its embedder holds it: boots the threads, spawns processes, hands out the event stream,
 * and closes everything again. Each operation is a message to the Kernel actor.
 */
import { availableParallelism, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { type Observable, Subject } from 'rxjs';
import { nodeEndpoint, type Remote, release, wrap } from '../actors/comlink.js';
import { ShardPool } from '../actors/pool.js';
import { track } from '../base/disposable.js';
import type { EventType, KernelEvent } from '../messages/events.js';
import type { KernelConfig, KernelOperations, KernelPorts } from '../messages/kernel.js';
import { type KernelOptions, OptionsError, parseKernelOptions, parseSpawnOptions, type SpawnOptions } from '../options.js';
import { checkStraceFilter } from './check-strace.js';
import { Process } from './process.js';

const DEFAULT_MAX_TASKS = 4096;
const DEFAULT_LOG_LEVEL = 'warn';

export class Kernel {
  readonly #pool: ShardPool;
  readonly #worker: Worker;
  readonly #operations: Remote<KernelOperations>;
  readonly #events = new Subject<KernelEvent>();
  readonly #ports: MessagePort[];
  readonly #untrack = track('kernel');
  readonly #onExit: () => void;
  readonly #processes = new Set<Process>();
  readonly #config: KernelConfig;
  #closing: Promise<void> | undefined;

  private constructor(config: KernelConfig) {
    this.#config = config;
    this.#pool = new ShardPool(config);
    this.#worker = new Worker(fileURLToPath(new URL('../actors/kernel-worker.js', import.meta.url)), {
      workerData: this.#pool.data,
    });
    const operations = new MessageChannel();
    const events = new MessageChannel();
    const ports: KernelPorts = { operations: operations.port2, news: this.#pool.news, events: events.port2 };
    this.#worker.postMessage(ports, [operations.port2, events.port2, ...this.#pool.news]);
    events.port1.on('message', (event: KernelEvent) => this.#events.next(event));
    this.#operations = wrap<KernelOperations>(nodeEndpoint(operations.port1));
    this.#ports = [operations.port1, events.port1];
    // Workers that sleep in a host call do not notice that the process ends.
    this.#onExit = () => this.#pool.shutDown();
    process.once('exit', this.#onExit);
    this.#pool.ended.catch((error: unknown) => this.#broke(error));
    this.#worker.once('error', (error) => this.#broke(error));
    for (const port of this.#ports) port.unref();
    this.#worker.unref();
  }

  /** Starts a kernel: its shards and its Kernel actor. Throws OptionsError. */
  static async boot(options: KernelOptions = {}): Promise<Kernel> {
    return new Kernel(configOf(parseKernelOptions(options)));
  }

  /** What happens in the sandbox. Hot; completes when the kernel is closed. See `observe`. */
  get events$(): Observable<KernelEvent> {
    return this.#events.asObservable();
  }

  /** Chooses which types of events are produced; what nobody asked for costs nothing. */
  observe(types: readonly EventType[]): Promise<void> {
    return this.#operations.observe(types);
  }

  /**
   * Starts a program, as child_process.spawn does: returns at once; `pid` is there after the event
   * `spawn`, and a failure to start comes as the event `error` and the rejection of `completed`.
   */
  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): Process {
    const spawned = new Process(
      { operations: this.#operations, runTask: (shard, pid) => this.#pool.runTask(shard, pid), rootfs: this.#config.rootfs },
      command,
      args,
      parseSpawnOptions(options),
    );
    this.#processes.add(spawned);
    spawned.completed.then(
      () => this.#processes.delete(spawned),
      () => this.#processes.delete(spawned),
    );
    return spawned;
  }

  /** Ends every task with this exit status; does not wait. */
  kill(exitStatus: number): Promise<void> {
    return this.#operations.kill(exitStatus);
  }

  /** Resolves when no process lives. */
  waitExited(): Promise<void> {
    return this.#operations.waitExited();
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
    process.off('exit', this.#onExit);
    await this.#pool.destroy();
    for (const p of this.#processes) p.abandoned('the kernel was closed');
    release(this.#operations);
    for (const port of this.#ports) port.close();
    await this.#worker.terminate();
    this.#events.complete();
    this.#untrack();
  }

  /** A worker is gone: nothing of this kernel can go on. */
  #broke(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    for (const p of this.#processes) p.abandoned(`the kernel broke: ${why}`);
    void this.close();
  }
}

function configOf(options: KernelOptions): KernelConfig {
  const filter = options.strace?.filter;
  if (filter !== undefined) {
    const wrong = checkStraceFilter(filter);
    if (wrong) throw new OptionsError(`strace: ${wrong}`);
  }
  const cores = options.cores ?? availableParallelism();
  return {
    rootfs: options.rootfs ?? '/',
    binds: options.binds ?? [],
    tmpfs: options.tmpfs ?? [],
    hostname: options.hostname ?? 'troupe',
    cores,
    shards: options.shards ?? cores,
    memoryBytes: options.memory ?? totalmem(),
    maxTasks: options.pids ?? DEFAULT_MAX_TASKS,
    strace: options.strace ? { filter } : undefined,
    logLevel: options.logLevel ?? DEFAULT_LOG_LEVEL,
  };
}
