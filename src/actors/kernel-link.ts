/**
 * The embedder's end of a kernel: its pool of shards, the Kernel actor's operations, the events.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { track } from '../base/disposable.js';
import type { ObserverSpec } from '../messages/events.js';
import type { KernelConfig, KernelOperations } from '../messages/kernel.js';
import { connect, type Remote, release } from './comlink.js';
import { EventBlock } from './event-block.js';
import { EventInbox } from './event-inbox.js';
import { ShardPool } from './pool.js';
import { newPoolData } from './pool-data.js';

/** What an embedder is told without asking. */
export interface KernelNews {
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
  readonly events: EventInbox;
  readonly #pool: ShardPool;
  readonly #ports: MessagePort[];
  #closed = false;
  readonly #untrack = track('kernel');

  constructor(config: KernelConfig, news: KernelNews) {
    const operations = new MessageChannel();
    const events = Array.from({ length: config.shards }, () => new MessageChannel());
    const data = newPoolData(config);
    const channels = { operations: operations.port2, events: events.map((c) => c.port2) };
    this.#pool = new ShardPool(data, channels);
    this.operations = connect<KernelOperations>(operations.port1, () => this.#pool.ringKernel());
    const bells = events.map((c) => c.port1);
    this.events = new EventInbox(new EventBlock(data.eventBlock), data.events, bells);
    this.#ports = [operations.port1, ...bells];
    for (const port of this.#ports) port.unref();
    opened(this.#pool);
    this.#pool.ended.catch((error: unknown) => news.broke(error));
  }

  /** Lets a created process run; its wait(2) status when it has ended. */
  runTask(shard: number, pid: number): Promise<number> {
    return this.#pool.runTask(shard, pid);
  }

  async stop(): Promise<void> {
    this.#closed = true;
    await this.#pool.stop();
    this.events.drainAll();
  }

  /** From now on shards make the events that it wants, until `unobserve`. */
  observe(observer: ObserverSpec): void {
    if (!this.#closed) this.operations.observe(observer).catch(() => {});
  }

  unobserve({ id }: Pick<ObserverSpec, 'id'>): void {
    if (!this.#closed) this.operations.unobserve(id).catch(() => {});
  }

  async close(): Promise<void> {
    this.#closed = true;
    closed(this.#pool);
    release(this.operations as Remote<never>);
    await this.#pool.destroy();
    this.events.drainAll();
    for (const port of this.#ports) port.close();
    this.#untrack();
  }
}
