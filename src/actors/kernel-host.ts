/**
 * Where the Kernel actor lives: on the first shard's thread. A worker of its own cost 40 ms of CPU at
 * every start and two more thread hops an operation, and its work is a few messages a process
 * (docs/decisions/0011). To that shard it talks by plain calls, to the others by rings; their news and
 * the embedder's calls come by ports, whose senders ring the shard's bell.
 */
import type { Timekeeper } from '../kernel/time/timekeeper.js';
import type { KernelPorts } from '../messages/kernel.js';
import type { ShardCommand, ShardNews } from '../messages/shard.js';
import { hostFeatures, possibleCores } from '../platform/host/machine.unsafe.js';
import { type ActorRef, localRef, ringRef } from './actor-ref.js';
import { serve } from './comlink.js';
import type { ControlBlock } from './control-block.js';
import { HOST_SHARD } from './host-shard.js';
import { KernelActor } from './kernel-actor.js';
import { lazyLog } from './lazy-log.js';
import { MailboxSender } from './mailbox.js';
import { Ring } from './ring.js';
import type { PoolData } from './shard-task.js';

export class KernelHost {
  /** What the shard of this thread tells its news to. */
  readonly news: ActorRef<ShardNews>;
  readonly #actor: KernelActor;
  readonly #senders: MailboxSender<ShardCommand>[] = [];
  readonly #ports: KernelPorts;

  constructor(
    data: PoolData,
    control: ControlBlock,
    ports: KernelPorts,
    /** Takes commands for the shard of this thread. */
    receive: (command: ShardCommand) => void,
    /** The time of that shard. */
    keeper: () => Timekeeper,
  ) {
    this.#ports = ports;
    const shards = data.commands.map((buffer, shard): ActorRef<ShardCommand> => {
      if (shard === HOST_SHARD) return localRef(receive);
      const sender = new MailboxSender<ShardCommand>(new Ring(buffer), () => control.wake(shard));
      this.#senders.push(sender);
      return ringRef(sender);
    });
    const { config } = data;
    this.#actor = new KernelActor({
      shards,
      log: lazyLog(config.logLevel, 'kernel'),
      config,
      host: { features: hostFeatures, possibleCores },
      clocks: { keeper, cpuClock: () => control.cpuClock },
    });
    this.news = localRef((news) => this.#actor.receive(news));
    for (const port of ports.news) port.on('message', (news: ShardNews) => this.#actor.receive(news));
    serve(this.#actor, ports.operations);
  }

  /** Commands wait for room in a ring: the event loop has to come round. */
  get hasBacklog(): boolean {
    return this.#senders.some((s) => s.backlog);
  }

  dispose(): void {
    for (const sender of this.#senders) sender.close();
    for (const port of [this.#ports.operations, ...this.#ports.news]) port.close();
  }
}
