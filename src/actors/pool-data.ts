/** The memory that the threads of a kernel share. */
import type { KernelConfig } from '../messages/kernel.js';
import { type Images, likelyImages } from '../platform/systrap/images.js';
import { LaneTable } from '../platform/systrap/lane-table.js';
import { ControlBlock } from './control-block.js';
import { EventBlock } from './event-block.js';
import { Ring } from './ring.js';
import type { PoolData } from './shard-task.js';

/** Room for commands on their way to a shard; larger ones go in parts. */
const COMMAND_RING_BYTES = 1 << 16;
/** Room for events on their way to the embedder; untouched pages cost nothing. */
const EVENT_RING_BYTES = 1 << 20;

/** By whether time stamps trap. */
const images = new Map<boolean, Images>();

function imagesFor(trapTimestamps: boolean): Images {
  const ready = images.get(trapTimestamps) ?? likelyImages(trapTimestamps);
  images.set(trapTimestamps, ready);
  return ready;
}

export function newPoolData(config: KernelConfig): PoolData {
  const rings = (shards: number, bytes = COMMAND_RING_BYTES): SharedArrayBuffer[] =>
    Array.from({ length: shards }, () => Ring.create(bytes).buffer);
  const { shards } = config;
  const away = shards > 1 ? shards : 0;
  return {
    config,
    control: ControlBlock.create(shards).buffer,
    commands: rings(shards),
    toHome: rings(away),
    fromHome: rings(away),
    lanes: Array.from({ length: away }, () => LaneTable.create().buffer),
    events: rings(shards, EVENT_RING_BYTES),
    eventBlock: EventBlock.create(shards).buffer,
    images: imagesFor(config.time === 'virtual'),
  };
}
