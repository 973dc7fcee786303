/**
 * The Kernel actor: every operation from outside, one at a time (operation-queue.ts). Compare gVisor's
 * pkg/sentry/kernel/kernel.go.
 *
 * Ownership
 *   operation queue        KernelActor   what changes the kernel goes through it
 *   pid → shard            KernelActor   written when a process was created, removed when it exited
 *   count of pauses        KernelActor   each shard has its own copy, by commands
 *   task tables, objects   the shard     asked by commands, never reached into
 *
 * Calls go down only: embedder → KernelActor → shard → thread group → task.
 */
import { Subject } from 'rxjs';
import { E } from '../abi/errno.js';
import { assertNever } from '../base/assert.js';
import type { Log } from '../base/log.js';
import type { ObserverSpec } from '../messages/events.js';
import {
  type CreatedProcess,
  type ImageDescription,
  type KernelConfig,
  type KernelOperations,
  type OperationError,
  type OperationResult,
  ok,
  refused,
  type SaveOptions,
} from '../messages/kernel.js';
import type { LoadRequest, ProcessSpec, ShardAnswer, ShardCommand, ShardNews } from '../messages/shard.js';
import type { ActorRef } from './actor-ref.js';
import { type KernelClocks, KernelTime } from './kernel-time.js';
import { OperationQueue } from './operation-queue.js';
import { Pauses } from './pauses.js';
import { ShardAsks } from './shard-asks.js';

export class KernelActor implements KernelOperations {
  readonly #queue = new OperationQueue();
  readonly #exits = new Subject<void>();
  readonly #shardOf = new Map<number, number>();
  readonly #asks: ShardAsks;
  readonly #pauses = new Pauses();
  /** For operations that stop time and have their turn already. */
  readonly time: KernelTime;
  #nextHooks = 1;
  #destroyed = false;

  constructor(
    readonly shards: readonly ActorRef<ShardCommand>[],
    /** Where processes from outside begin: the home of all (kernel/home). */
    readonly home: number,
    readonly log: Log,
    /** What a saved kernel is to be booted with again. */
    readonly config: KernelConfig,
    clocks: KernelClocks,
  ) {
    this.#asks = new ShardAsks(shards);
    this.time = new KernelTime(clocks, (command) => this.#tellAll(command));
  }

  createProcess(spec: ProcessSpec): Promise<OperationResult<CreatedProcess>> {
    return this.#queue.add(async () => {
      if (this.#destroyed) return CLOSED;
      this.log.info({ argv: spec.argv }, 'EXEC');
      const shard = this.home;
      const answer = await this.#asks.ask(shard, (id) => ({ type: 'createProcess', id, spec }));
      if (answer.type === 'created') {
        this.#shardOf.set(answer.pid, shard);
        return { type: 'ok', value: { pid: answer.pid, shard, pipes: answer.pipes } };
      }
      return refusal(answer);
    });
  }

  async signal(pid: number, signo: number): Promise<OperationResult<void>> {
    const shard = this.#shardOf.get(pid);
    if (shard === undefined) return { type: 'error', errno: E.ESRCH, message: `no process ${pid}` };
    const answer = await this.#asks.ask(shard, (id) => ({ type: 'signal', id, pid, signo }));
    if (answer.type === 'signalled' && answer.errno === 0) return { type: 'ok', value: undefined };
    return refusal(answer);
  }

  async resize(pid: number, columns: number, rows: number): Promise<void> {
    const shard = this.#shardOf.get(pid);
    if (shard !== undefined) this.shards[shard]?.tell({ type: 'resize', pid, columns, rows });
  }

  kill(status: number): Promise<void> {
    return this.#queue.add(() => this.#tellAll({ type: 'kill', status }));
  }

  async pause(): Promise<OperationResult<void>> {
    // The wait is in an object, so that the queue does not wait for it.
    const begun = await this.#queue.add(() => {
      if (this.#destroyed) return { rest: CLOSED };
      this.time.pause('paused');
      return { rest: this.#pauses.begin(this.#asks.askAll((id) => ({ type: 'pause', id }))) };
    });
    return begun.rest;
  }

  unpause(): Promise<OperationResult<void>> {
    return this.#queue.add(() => {
      if (this.#destroyed) return CLOSED;
      if (!this.#pauses.end()) return refused('NotPaused', E.EINVAL, 'the kernel is not paused');
      if (this.#pauses.depth === 0) this.time.resume('paused');
      this.#tellAll({ type: 'unpause' });
      return ok(undefined);
    });
  }

  saveTo(path: string, { compress }: SaveOptions): Promise<OperationResult<void>> {
    return this.#queue.add(async () => {
      if (this.#destroyed) return CLOSED;
      if (!this.#pauses.complete) {
        return refused('NotPaused', E.EBUSY, 'only a paused kernel can be saved');
      }
      const description = { config: this.config };
      // It stands still already; unpause may come in between, and must not let it go.
      await this.time.pause('saving');
      try {
        return await this.#saveShards(path, compress, description);
      } finally {
        await this.time.resume('saving');
      }
    });
  }

  async #saveShards(
    path: string,
    compress: boolean,
    description: ImageDescription,
  ): Promise<OperationResult<void>> {
    // Where processes begin last: it writes, when the others have said that they hold nothing.
    const shards = [...this.shards.keys()].sort((a, b) => Number(a === this.home) - Number(b === this.home));
    for (const shard of shards) {
      const request = { path, compress, description };
      const answer = await this.#asks.ask(shard, (id) => ({ type: 'save', id, request }));
      if (answer.type !== 'saved') return refusal(answer);
    }
    return ok(undefined);
  }

  load(request: LoadRequest): Promise<OperationResult<readonly CreatedProcess[]>> {
    return this.#queue.add(async () => {
      if (this.#destroyed) return CLOSED;
      await this.time.pause('paused');
      const all: CreatedProcess[] = [];
      for (const [shard] of this.shards.entries()) {
        const answer = await this.#asks.ask(shard, (id) => ({ type: 'load', id, request }));
        if (answer.type !== 'loaded') return refusal(answer);
        for (const { pid, pipes } of answer.processes) {
          this.#shardOf.set(pid, shard);
          all.push({ pid, shard, pipes });
        }
      }
      await this.#pauses.begin(Promise.resolve([]));
      return ok(all);
    });
  }

  async waitExited(): Promise<void> {
    while (this.#shardOf.size > 0) {
      await new Promise<void>((resolve) => {
        const subscription = this.#exits.subscribe(() => {
          subscription.unsubscribe();
          resolve();
        });
      });
    }
  }

  async observe(observer: ObserverSpec): Promise<void> {
    this.#tellAll({ type: 'observe', observer });
  }

  async unobserve(id: number): Promise<void> {
    this.#tellAll({ type: 'unobserve', id });
  }

  intercept(url: string): Promise<OperationResult<number>> {
    return this.#queue.add(async () => {
      const hooks = this.#nextHooks++;
      const answers = await this.#asks.askAll((id) => ({ type: 'intercept', id, hooks, url }));
      for (const answer of answers) {
        if (answer.type === 'intercepting' && answer.wrong === undefined) continue;
        this.#tellAll({ type: 'stopIntercepting', hooks });
        if (answer.type !== 'intercepting') return refusal(answer);
        return { type: 'error', errno: E.EINVAL, message: answer.wrong ?? '' };
      }
      return ok(hooks);
    });
  }

  async stopIntercepting(hooks: number): Promise<void> {
    this.#tellAll({ type: 'stopIntercepting', hooks });
  }

  pauseTime(): Promise<void> {
    return this.#queue.add(() => this.time.pause('asked'));
  }

  resumeTime(): Promise<void> {
    return this.#queue.add(() => this.time.resume('asked'));
  }

  async realtimeClock(): Promise<bigint> {
    return this.time.realtime();
  }

  async monotonicClock(): Promise<bigint> {
    return this.time.monotonic();
  }

  async cpuClockNow(): Promise<number> {
    return this.time.cpuClock();
  }

  async destroy(): Promise<void> {
    this.#destroyed = true;
    this.#tellAll({ type: 'shutdown' });
    this.#asks.failAll('the kernel is closed');
    this.#shardOf.clear();
    this.#exits.next();
  }

  /** What a shard has to say. */
  receive(news: ShardNews): void {
    switch (news.type) {
      case 'ready':
        this.log.debug({ shard: news.shard }, 'shard is ready');
        break;
      case 'created':
      case 'failed':
      case 'signalled':
      case 'intercepting':
      case 'paused':
      case 'saved':
      case 'loaded':
        this.#asks.settle(news);
        break;
      case 'exited':
        this.#shardOf.delete(news.pid);
        this.#exits.next();
        break;
      case 'broken':
        this.log.error({ shard: news.shard, why: news.why }, 'a shard broke');
        this.#asks.failAll(news.why);
        break;
      default:
        assertNever(news, 'shard news');
    }
  }

  #tellAll(command: ShardCommand): void {
    for (const shard of this.shards) shard.tell(command);
  }
}

const CLOSED = refused('Closed', E.ESRCH, 'the kernel is closed');

function refusal(answer: ShardAnswer): OperationError {
  if (answer.type === 'failed') {
    const { errno, message, obstacle, code } = answer;
    return { type: 'error', errno, message, obstacle, ...(code && { code }) };
  }
  return { type: 'error', errno: E.ESRCH, message: 'no such process' };
}
