/** What every worker of a kernel is born with. */
import type { KernelConfig } from '../messages/kernel.js';
import { LaneTable } from '../platform/systrap/lane-table.js';
import { ControlBlock } from './control-block.js';
import { EventBlock } from './event-block.js';
import { Ring } from './ring.js';

/** Room for commands on their way to a shard; larger ones go in parts. */
const COMMAND_RING_BYTES = 1 << 16;
/** Room for events on their way to the embedder; untouched pages cost nothing. */
const EVENT_RING_BYTES = 1 << 20;

export interface PoolData {
  readonly config: KernelConfig;
  readonly control: SharedArrayBuffer;
  /** KernelActor → shard, by shard. */
  readonly commands: readonly SharedArrayBuffer[];
  /** Between the home and each shard, by shard: kernel/home/conversation.ts. The home's own are unused. */
  readonly toHome: readonly SharedArrayBuffer[];
  readonly fromHome: readonly SharedArrayBuffer[];
  /** Which calls of each shard's guests are at home: platform/systrap/lane-table.ts. The home's own is unused. */
  readonly lanes: readonly SharedArrayBuffer[];
  /** Events, shard → embedder, by shard; and the words that go with them. */
  readonly events: readonly SharedArrayBuffer[];
  readonly eventBlock: SharedArrayBuffer;
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
  };
}
