/**
 * The Kernel actor: every operation from outside, one at a time (operation-queue.ts). Compare gVisor's
 * pkg/sentry/kernel/kernel.go.
 *
 * Ownership
 *   operation queue        KernelActor   what changes the kernel goes through it
 *   pid → shard            KernelActor   written when a process was created, removed when it exited
 *   placement counts       KernelActor
 *   count of pauses        KernelActor   each shard has its own copy, by commands
 *   task tables, objects   the shard     asked by commands, never reached into
 *
 * Calls go down only: embedder → KernelActor → shard → thread group → task.
 */
import { type Observable, Subject } from 'rxjs';
import { E } from '../abi/errno.js';
import { assertNever } from '../base/assert.js';
import type { Log } from '../base/log.js';
import type { EventType, KernelEvent } from '../messages/events.js';
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
import { KernelTime, type KernelTimeParts } from './kernel-time.js';
import { OperationQueue } from './operation-queue.js';
import { Pauses } from './pauses.js';
import type { Placement } from './placement.js';
import { ShardAsks } from './shard-asks.js';

export class KernelActor implements KernelOperations {
  readonly #queue = new OperationQueue();
  readonly #events = new Subject<KernelEvent>();
  readonly #exits = new Subject<void>();
  readonly #shardOf = new Map<number, number>();
  readonly #asks: ShardAsks;
  readonly #pauses = new Pauses();
  /** For operations that stop time and have their turn already. */
  readonly time: KernelTime;
  #destroyed = false;

  constructor(
    readonly shards: readonly ActorRef<ShardCommand>[],
    readonly placement: Placement,
    readonly log: Log,
    /** What a saved kernel is to be booted with again. */
    readonly config: KernelConfig,
    time: KernelTimeParts,
  ) {
    this.#asks = new ShardAsks(shards);
    this.time = new KernelTime(time, {
      askAll: async (command) => {
        const answers = await this.#asks.askAll(command);
        return answers.filter((answer) => answer.type === 'timePaused');
      },
      tellAll: (command) => this.#tellAll(command),
    });
  }

  get events$(): Observable<KernelEvent> {
    return this.#events.asObservable();
  }

  createProcess(spec: ProcessSpec): Promise<OperationResult<CreatedProcess>> {
    return this.#queue.add(async () => {
      if (this.#destroyed) return CLOSED;
      this.log.info({ argv: spec.argv }, 'EXEC');
      const shard = this.placement.choose();
      const answer = await this.#asks.ask(shard, (id) => ({ type: 'createProcess', id, spec }));
      if (answer.type === 'created') {
        this.#shardOf.set(answer.pid, shard);
        return { type: 'ok', value: { pid: answer.pid, shard, pipes: answer.pipes } };
      }
      this.placement.left(shard);
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
      // First, so that no timer acts between a task's stop and its clock's.
      void this.time.pause('paused');
      return { rest: this.#pauses.begin(this.#asks.askAll((id) => ({ type: 'pause', id }))) };
    });
    return begun.rest;
  }

  unpause(): Promise<OperationResult<void>> {
    return this.#queue.add(async () => {
      if (this.#destroyed) return CLOSED;
      if (!this.#pauses.end()) return refused('NotPaused', E.EINVAL, 'the kernel is not paused');
      if (this.#pauses.depth === 0) await this.time.resume('paused');
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
    for (const [shard] of this.shards.entries()) {
      const last = shard === this.shards.length - 1;
      const request = { path, compress, description: shard === 0 ? description : undefined, last };
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
          this.placement.joined(shard);
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

  async observe(types: readonly EventType[]): Promise<void> {
    this.#tellAll({ type: 'observe', types });
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
    this.#events.complete();
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
      case 'paused':
      case 'saved':
      case 'loaded':
      case 'timePaused':
        this.#asks.settle(news);
        break;
      case 'exited':
        this.placement.left(news.shard);
        this.#shardOf.delete(news.pid);
        this.#exits.next();
        break;
      case 'events':
        for (const event of news.events) this.#events.next(event);
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
