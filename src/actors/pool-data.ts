/** What every worker of a kernel is born with. */
import type { KernelConfig } from '../messages/kernel.js';
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
  /** Shard → embedder, by shard; and the words that go with them. */
  readonly events: readonly SharedArrayBuffer[];
  readonly eventBlock: SharedArrayBuffer;
}

export function newPoolData(config: KernelConfig): PoolData {
  const { shards } = config;
  const rings = (count: number, bytes: number): SharedArrayBuffer[] =>
    Array.from({ length: count }, () => Ring.create(bytes).buffer);
  const away = shards > 1 ? shards : 0;
  return {
    config,
    control: ControlBlock.create(shards).buffer,
    commands: rings(shards, COMMAND_RING_BYTES),
    toHome: rings(away, COMMAND_RING_BYTES),
    fromHome: rings(away, COMMAND_RING_BYTES),
    events: rings(shards, EVENT_RING_BYTES),
    eventBlock: EventBlock.create(shards).buffer,
  };
}
