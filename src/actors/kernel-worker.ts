/** The worker of the Kernel actor: rings down to the shards, their ports up, Comlink to the embedder. */
import { parentPort, workerData } from 'node:worker_threads';
import { present } from '../base/assert.js';
import type { KernelPorts } from '../messages/kernel.js';
import type { ShardCommand, ShardNews } from '../messages/shard.js';
import { portRef, ringRef } from './actor-ref.js';
import { expose, nodeEndpoint } from './comlink.js';
import { ControlBlock } from './control-block.js';
import { KernelActor } from './kernel-actor.js';
import { lazyLog } from './lazy-log.js';
import { MailboxSender } from './mailbox.js';
import { LeastBusy } from './placement.js';
import type { PoolData } from './pool.js';
import { Ring } from './ring.js';

const { config, control, commands } = workerData as PoolData;
const block = new ControlBlock(control);
const port = present(parentPort, 'parent port');

port.once('message', ({ operations, news, events }: KernelPorts) => {
  const shards = commands.map((buffer, shard) =>
    ringRef(new MailboxSender<ShardCommand>(new Ring(buffer), () => block.ring(shard))),
  );
  const actor = new KernelActor(shards, new LeastBusy(config.shards), lazyLog(config.logLevel, 'kernel'));
  const embedder = portRef(events);
  actor.events$.subscribe((event) => embedder.tell(event));
  for (const shardPort of news) shardPort.on('message', (message: ShardNews) => actor.receive(message));
  expose(actor, nodeEndpoint(operations));
});
