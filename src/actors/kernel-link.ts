/**
 * The embedder's end of a kernel: its pool of shards, the Kernel actor's operations, the events.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { track } from '../base/disposable.js';
import type { KernelEvent } from '../messages/events.js';
import type { KernelConfig, KernelOperations } from '../messages/kernel.js';
import { connect, type Remote, release } from './comlink.js';
import { ShardPool } from './pool.js';
import { newPoolData } from './pool-data.js';

/** What an embedder is told without asking. */
export interface KernelNews {
  event(event: KernelEvent): void;
  /** A shard is gone: nothing of this kernel can go on. */
  broke(error: unknown): void;
}

/** Of kernels that are open. One listener for all: a process may have hundreds. */
const pools = new Set<ShardPool>();

// Workers that sleep in a host call do not notice that the process ends.
function shutDownAll(): void {
  for (const pool of pools) pool.shutDown();
}

function opened(pool: ShardPool): void {
  if (pools.size === 0) process.on('exit', shutDownAll);
  pools.add(pool);
}

function closed(pool: ShardPool): void {
  if (pools.delete(pool) && pools.size === 0) process.off('exit', shutDownAll);
}

export class KernelLink {
  readonly operations: Remote<KernelOperations>;
  readonly #pool: ShardPool;
  readonly #ports: MessagePort[];
  readonly #untrack = track('kernel');

  constructor(config: KernelConfig, news: KernelNews) {
    const operations = new MessageChannel();
    const events = new MessageChannel();
    this.#pool = new ShardPool(newPoolData(config), { operations: operations.port2, events: events.port2 });
    this.operations = connect<KernelOperations>(operations.port1, () => this.#pool.ringKernel());
    events.port1.on('message', (event: KernelEvent) => news.event(event));
    this.#ports = [operations.port1, events.port1];
    for (const port of this.#ports) port.unref();
    opened(this.#pool);
    this.#pool.ended.catch((error: unknown) => news.broke(error));
  }

  /** Lets a created process run; its wait(2) status when it has ended. */
  runTask(shard: number, pid: number): Promise<number> {
    return this.#pool.runTask(shard, pid);
  }

  stop(): Promise<void> {
    return this.#pool.stop();
  }

  async close(): Promise<void> {
    closed(this.#pool);
    release(this.operations as Remote<never>);
    await this.#pool.destroy();
    for (const port of this.#ports) port.close();
    this.#untrack();
  }
}
