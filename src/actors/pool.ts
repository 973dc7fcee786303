/**
 * The pool of shards: Piscina, set up for workers that live as long as their kernel and hold state.
 *
 * `atomics: 'disabled'`, because the default parks idle workers where their ports are deaf; a fixed
 * number of workers that are never idle too long; no abort signals, because aborting a task ends its
 * worker and every actor on it. Placement happens in the pool's load balancer: each submission says
 * which shard it is for just before Piscina asks, which it does at once, since every worker is there
 * from the start and none is ever full.
 */
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { present } from '../base/assert.js';
import type { KernelConfig } from '../messages/kernel.js';
import type { ShardTask } from '../messages/shard.js';
import { ControlBlock } from './control-block.js';
import { Ring } from './ring.js';

/** Room for commands on their way to a shard; larger ones go in parts. */
const COMMAND_RING_BYTES = 1 << 16;
/** More tasks than a kernel may have. */
const TASKS_PER_WORKER = 1 << 24;

/** What every worker of a kernel is born with. */
export interface PoolData {
  readonly config: KernelConfig;
  readonly control: SharedArrayBuffer;
  /** KernelActor → shard, by shard. */
  readonly commands: readonly SharedArrayBuffer[];
}

export class ShardPool {
  readonly data: PoolData;
  /** shard → KernelActor: the ends that the KernelActor gets. */
  readonly news: MessagePort[] = [];
  /** Settles when every shard has ended; rejects when one broke. */
  readonly ended: Promise<unknown>;
  readonly #control: ControlBlock;
  readonly #pool: Piscina;
  #target = 0;

  constructor(config: KernelConfig) {
    const shards = config.shards;
    this.#control = ControlBlock.create(shards);
    const commands = Array.from({ length: shards }, () => Ring.create(COMMAND_RING_BYTES).buffer);
    this.data = { config, control: this.#control.buffer, commands };
    this.#pool = new Piscina({
      filename: fileURLToPath(new URL('./shard-worker.js', import.meta.url)),
      minThreads: shards,
      maxThreads: shards,
      concurrentTasksPerWorker: TASKS_PER_WORKER,
      maxQueue: Number.POSITIVE_INFINITY,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
      recordTiming: false,
      workerData: this.data,
      // biome-ignore lint/correctness/noUnusedFunctionParameters: Piscina wants a function of two arguments
      loadBalancer: (task, workers) => present(workers[this.#target], `shard ${this.#target}`),
    });
    this.ended = Promise.all(Array.from({ length: shards }, (_, index) => this.#startShard(index)));
  }

  #startShard(index: number): Promise<unknown> {
    const { port1, port2 } = new MessageChannel();
    this.news.push(port1);
    const task: ShardTask = { type: 'shard', index, news: port2 as never };
    return this.#submit(index, task, [port2]);
  }

  /** Runs a created process on its shard; its wait(2) status. */
  runTask(shard: number, pid: number): Promise<number> {
    return this.#submit(shard, { type: 'task', pid }) as Promise<number>;
  }

  #submit(shard: number, task: ShardTask, transferList: MessagePort[] = []): Promise<unknown> {
    this.#target = shard;
    const done = this.#pool.run(task, { transferList });
    this.#control.ringForPort(shard);
    return done;
  }

  /** Ends every shard's reactor, now; for when there is no time to ask. */
  shutDown(): void {
    this.#control.shutDown(this.data.config.shards);
  }

  async destroy(): Promise<void> {
    this.shutDown();
    await this.ended.catch(() => {});
    for (const port of this.news) port.close();
    await this.#pool.destroy();
  }
}
