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
}

export function newPoolData(config: KernelConfig): PoolData {
  return {
    config,
    control: ControlBlock.create(config.shards).buffer,
    commands: Array.from({ length: config.shards }, () => Ring.create(COMMAND_RING_BYTES).buffer),
  };
}
