/**
 * What a worker of the pool runs: first its shard, for as long as the kernel lives, then tasks on it.
 * Each is a Piscina task whose promise settles with its end.
 */
import { workerData } from 'node:worker_threads';
import { assertNever, present } from '../base/assert.js';
import type { ShardTask } from '../messages/shard.js';
import { ControlBlock } from './control-block.js';
import type { PoolData } from './pool.js';
import { Ring } from './ring.js';
import { Shard } from './shard.js';

let shard: Shard | undefined;

export default function run(task: ShardTask): Promise<number | undefined> {
  switch (task.type) {
    case 'shard':
      return runShard(task);
    case 'task':
      return present(shard, 'shard').runTask(task.pid);
    default:
      return assertNever(task, 'shard task');
  }
}

async function runShard(task: Extract<ShardTask, { type: 'shard' }>): Promise<undefined> {
  const { config, control, commands } = workerData as PoolData;
  const { index, news } = task;
  shard = new Shard({
    index,
    config,
    control: new ControlBlock(control),
    commands: new Ring(present(commands[index], 'command ring')),
    news,
  });
  await shard.run();
}
