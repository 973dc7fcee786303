/**
 * The Kernel actor: every operation from outside, one at a time. The queue below is the role that
 * `Kernel.extMu` has in gVisor's pkg/sentry/kernel/kernel.go.
 *
 * Ownership
 *   operation queue        KernelActor   only through `#serialized`
 *   pid → shard            KernelActor   written when a process was created, removed when it exited
 *   placement counts       KernelActor
 *   task tables, objects   the shard     asked by commands, never reached into
 *
 * Calls go down only: embedder → KernelActor → shard → thread group → task.
 */
import { concatMap, defer, Subject } from 'rxjs';
import { E } from '../abi/errno.js';
import { assertNever } from '../base/assert.js';
import type { Log } from '../base/log.js';
import type { ObserverSpec } from '../messages/events.js';
import type { CreatedProcess, KernelOperations, OperationResult } from '../messages/kernel.js';
import type { ProcessSpec, ShardCommand, ShardNews } from '../messages/shard.js';
import type { ActorRef } from './actor-ref.js';
import type { Placement } from './placement.js';

interface Operation {
  run(): Promise<void>;
}

type Answer = Extract<ShardNews, { id: number }>;

export class KernelActor implements KernelOperations {
  readonly #operations = new Subject<Operation>();
  readonly #exits = new Subject<void>();
  readonly #shardOf = new Map<number, number>();
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #nextId = 1;
  #destroyed = false;

  constructor(
    readonly shards: readonly ActorRef<ShardCommand>[],
    readonly placement: Placement,
    readonly log: Log,
  ) {
    this.#operations.pipe(concatMap((operation) => defer(() => operation.run()))).subscribe();
  }

  createProcess(spec: ProcessSpec): Promise<OperationResult<CreatedProcess>> {
    return this.#serialized(async () => {
      if (this.#destroyed) return { type: 'error', errno: E.ESRCH, message: 'the kernel is closed' };
      this.log.info({ argv: spec.argv }, 'EXEC');
      const shard = this.placement.choose();
      const answer = await this.#ask(shard, (id) => ({ type: 'createProcess', id, spec }));
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
    const answer = await this.#ask(shard, (id) => ({ type: 'signal', id, pid, signo }));
    if (answer.type === 'signalled' && answer.errno === 0) return { type: 'ok', value: undefined };
    return refusal(answer);
  }

  async resize(pid: number, columns: number, rows: number): Promise<void> {
    const shard = this.#shardOf.get(pid);
    if (shard !== undefined) this.shards[shard]?.tell({ type: 'resize', pid, columns, rows });
  }

  async kill(status: number): Promise<void> {
    for (const shard of this.shards) shard.tell({ type: 'kill', status });
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
    for (const shard of this.shards) shard.tell({ type: 'observe', observer });
  }

  async unobserve(id: number): Promise<void> {
    for (const shard of this.shards) shard.tell({ type: 'unobserve', id });
  }

  intercept(url: string): Promise<OperationResult<number>> {
    return this.#serialized(async () => {
      const hooks = this.#nextId++;
      const answers = await Promise.all(
        this.shards.map((_, shard) => this.#ask(shard, (id) => ({ type: 'intercept', id, hooks, url }))),
      );
      for (const answer of answers) {
        if (answer.type === 'intercepting' && answer.wrong === undefined) continue;
        await this.stopIntercepting(hooks);
        if (answer.type !== 'intercepting') return refusal(answer);
        return { type: 'error', errno: E.EINVAL, message: answer.wrong ?? '' };
      }
      return { type: 'ok', value: hooks };
    });
  }

  async stopIntercepting(hooks: number): Promise<void> {
    for (const shard of this.shards) shard.tell({ type: 'stopIntercepting', hooks });
  }

  async destroy(): Promise<void> {
    this.#destroyed = true;
    for (const shard of this.shards) shard.tell({ type: 'shutdown' });
    this.#failPending('the kernel is closed');
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
      case 'intercepting': {
        const settle = this.#answers.get(news.id);
        this.#answers.delete(news.id);
        settle?.(news);
        break;
      }
      case 'exited':
        this.placement.left(news.shard);
        this.#shardOf.delete(news.pid);
        this.#exits.next();
        break;
      case 'broken':
        this.log.error({ shard: news.shard, why: news.why }, 'a shard broke');
        this.#failPending(news.why);
        break;
      default:
        assertNever(news, 'shard news');
    }
  }

  #ask(shard: number, command: (id: number) => ShardCommand): Promise<Answer> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.shards[shard]?.tell(command(id));
    });
  }

  #failPending(message: string): void {
    for (const [id, settle] of this.#answers)
      settle({ type: 'failed', id, errno: E.ESRCH, obstacle: 'sandbox', message });
    this.#answers.clear();
  }

  /** Takes its turn among the operations from outside; the next one begins when it has settled. */
  #serialized<T>(run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#operations.next({ run: () => run().then(resolve, reject) });
    });
  }
}

function refusal(answer: Answer): Extract<OperationResult<never>, { type: 'error' }> {
  if (answer.type === 'failed') {
    const { errno, message, obstacle } = answer;
    return { type: 'error', errno, message, obstacle };
  }
  return { type: 'error', errno: E.ESRCH, message: 'no such process' };
}
