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
  /** Shard → embedder, by shard; and the words that go with them. */
  readonly events: readonly SharedArrayBuffer[];
  readonly eventBlock: SharedArrayBuffer;
}

export function newPoolData(config: KernelConfig): PoolData {
  const { shards } = config;
  const rings = (bytes: number): SharedArrayBuffer[] =>
    Array.from({ length: shards }, () => Ring.create(bytes).buffer);
  return {
    config,
    control: ControlBlock.create(shards).buffer,
    commands: rings(COMMAND_RING_BYTES),
    events: rings(EVENT_RING_BYTES),
    eventBlock: EventBlock.create(shards).buffer,
  };
}
