/**
 * The pool of shards: Piscina, set up for workers that live as long as their kernel and hold state.
 *
 * `atomics: 'disabled'`, because the default parks idle workers where their ports are deaf; a fixed
 * number of workers that are never idle too long; no abort signals, because aborting a task ends its
 * worker and every actor on it. Placement happens in the pool's load balancer: each submission says
 * which shard it is for just before Piscina asks, which it does at once, since every worker is there
 * from the start and none is ever full.
 */
import { closeSync } from 'node:fs';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { present } from '../base/assert.js';
import type { KernelPorts } from '../messages/kernel.js';
import { LaneTable } from '../platform/systrap/lane-table.js';
import { ControlBlock } from './control-block.js';
import { HOST_SHARD } from './host-shard.js';
import type { PoolData, ShardTask } from './shard-task.js';
import { SHARD_WORKER } from './worker-files.js';

/** A worker is gone, by a bug of its shard or by force, and what ran on it. */
export class ShardEnded extends Error {
  override readonly name = 'ShardEnded';
}

/** More tasks than a kernel may have. */
const TASKS_PER_WORKER = 1 << 24;

/** The other ends of what the embedder holds. */
export interface EmbedderChannels {
  /** To the Kernel actor. */
  readonly operations: MessagePort;
  /** Of events, by shard. */
  readonly events: readonly MessagePort[];
}

export class ShardPool {
  /** Settles when every shard has ended; rejects when one broke. */
  readonly ended: Promise<unknown>;
  readonly #control: ControlBlock;
  readonly #pool: Piscina;
  #target = 0;

  constructor(
    readonly data: PoolData,
    channels: EmbedderChannels,
  ) {
    const { shards } = data.config;
    this.#control = new ControlBlock(data.control);
    this.#pool = new Piscina({
      filename: SHARD_WORKER,
      minThreads: shards,
      maxThreads: shards,
      concurrentTasksPerWorker: TASKS_PER_WORKER,
      maxQueue: Number.POSITIVE_INFINITY,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
      recordTiming: false,
      loadBalancer: (_task, workers) => present(workers[this.#target], `shard ${this.#target}`),
    });
    this.ended = Promise.all(this.#startShards(shards, channels));
  }

  #startShards(shards: number, { operations, events }: EmbedderChannels): Promise<unknown>[] {
    const others = Array.from({ length: shards - 1 }, () => new MessageChannel());
    const kernel: KernelPorts = { operations, news: others.map((c) => c.port1) };
    return events.map((port, index) => {
      const news = others[index - 1]?.port2;
      const pool = this.data;
      const task: ShardTask =
        news === undefined
          ? { type: 'shard', index, pool, events: port, kernel }
          : { type: 'shard', index, pool, events: port, news };
      const ports = news === undefined ? [operations, ...kernel.news] : [news];
      return this.#submit(index, task, [port, ...ports]);
    });
  }

  /** Runs a created process on its shard; its wait(2) status. */
  runTask(shard: number, pid: number): Promise<number> {
    return this.#submit(shard, { type: 'task', pid }) as Promise<number>;
  }

  #submit(shard: number, task: ShardTask, transferList: MessagePort[] = []): Promise<unknown> {
    this.#target = shard;
    const done = this.#pool.run(task, { transferList });
    this.#control.ringForPort(shard);
    return done.catch((e: unknown) => {
      throw new ShardEnded(`shard ${shard} ended: ${e instanceof Error ? e.message : String(e)}`);
    });
  }

  /** A message was posted to the Kernel actor. */
  ringKernel(): void {
    this.#control.ringForPort(HOST_SHARD);
  }

  /** Ends every shard's reactor, now; for when there is no time to ask. */
  shutDown(): void {
    this.#control.shutDown(this.data.config.shards);
  }

  /** Ends every shard and the host processes it has; their threads are still there. */
  async stop(): Promise<void> {
    this.shutDown();
    await this.ended.catch(() => {});
  }

  async destroy(): Promise<void> {
    await this.stop();
    await this.#pool.destroy();
    this.#control.closeBells(this.data.config.shards);
    closeLanes(this.data.lanes);
  }
}

/** When every shard has ended, as with bells. */
function closeLanes(lanes: readonly SharedArrayBuffer[]): void {
  for (const buffer of lanes) {
    const { descriptors } = new LaneTable(buffer);
    if (!descriptors) continue;
    closeSync(descriptors.page);
    closeSync(descriptors.bell);
  }
}
