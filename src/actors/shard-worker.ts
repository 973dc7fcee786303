/**
 * What a worker of the pool runs: first its shard, for as long as the kernel lives, then tasks on it.
 * Each is a Piscina task whose promise settles with its end.
 */
import { assertNever, present } from '../base/assert.js';
import { LaneTable } from '../platform/systrap/lane-table.js';
import { ringingRef } from './actor-ref.js';
import { ControlBlock } from './control-block.js';
import { EventBlock } from './event-block.js';
import { EventOutbox } from './event-outbox.js';
import { AwayLine, HomeLines } from './home-lines.js';
import { HOST_SHARD } from './host-shard.js';
import type { ImportModule } from './interceptors.js';
import { KernelHost } from './kernel-host.js';
import { Ring } from './ring.js';
import { Shard } from './shard.js';
import type { ShardTask } from './shard-task.js';

let shard: Shard | undefined;
let importModule: ImportModule = (url) => import(url);

/** scripts/pool-loader.cjs gives what code from a cache lacks. */
export function useImport(give: ImportModule): void {
  importModule = give;
}

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
  const { index, pool: data, events, news, kernel } = task;
  const control = new ControlBlock(data.control);
  const block = new EventBlock(data.eventBlock);
  const host =
    kernel &&
    new KernelHost(
      data,
      control,
      kernel,
      (command) => shard?.receive(command),
      () => present(shard, 'shard').keeper,
    );
  const away = index === HOST_SHARD ? undefined : new AwayLine(data, control, index);
  const home = index === HOST_SHARD && data.config.shards > 1 ? new HomeLines(data, control) : undefined;
  shard = new Shard({
    index,
    config: data.config,
    images: data.images,
    control,
    commands: new Ring(present(data.commands[index], 'command ring')),
    news: host ? host.news : ringingRef(present(news, 'port'), () => control.ringForPort(HOST_SHARD)),
    outbox: new EventOutbox({
      shard: index,
      ring: new Ring(present(data.events[index], 'event ring')),
      block,
      wake: () => events.postMessage(null),
    }),
    eventBlock: block,
    importModule,
    lines: away ?? home,
    lanes: data.lanes.map((buffer) => new LaneTable(buffer)),
    needsEventLoop: () => host?.hasBacklog === true,
  });
  try {
    await shard.run();
  } catch (e) {
    // The pool's promise tells the embedder; who waits for an answer of this shard hears it here.
    shard.broke(e);
    throw e;
  } finally {
    host?.dispose();
    news?.close();
    events.close();
  }
}
