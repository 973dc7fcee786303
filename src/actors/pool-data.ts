/** What every worker of a kernel is born with. */
import type { KernelConfig } from '../messages/kernel.js';
import { ControlBlock } from './control-block.js';
import { Ring } from './ring.js';

/** Room for commands on their way to a shard; larger ones go in parts. */
const COMMAND_RING_BYTES = 1 << 16;

export interface PoolData {
  readonly config: KernelConfig;
  readonly control: SharedArrayBuffer;
  /** KernelActor → shard, by shard. */
  readonly commands: readonly SharedArrayBuffer[];
  /** Between the home and each shard, by shard: kernel/home/conversation.ts. The home's own are unused. */
  readonly toHome: readonly SharedArrayBuffer[];
  readonly fromHome: readonly SharedArrayBuffer[];
}

export function newPoolData(config: KernelConfig): PoolData {
  const rings = (shards: number): SharedArrayBuffer[] =>
    Array.from({ length: shards }, () => Ring.create(COMMAND_RING_BYTES).buffer);
  const { shards } = config;
  const away = shards > 1 ? shards : 0;
  return {
    config,
    control: ControlBlock.create(shards).buffer,
    commands: rings(shards),
    toHome: rings(away),
    fromHome: rings(away),
  };
}
