/** What the pool runs on a shard: first the shard itself, for as long as the kernel lives, then its processes. */
import type { MessagePort } from 'node:worker_threads';
import type { KernelConfig, KernelPorts } from '../messages/kernel.js';
import type { Images } from '../platform/systrap/images.js';

/** What all threads of a kernel share. */
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
  /** What the platform needs assembled. */
  readonly images: Images;
}

export type ShardTask =
  | {
      readonly type: 'shard';
      readonly index: number;
      readonly pool: PoolData;
      /** Tells the embedder that there are events in this shard's ring. */
      readonly events: MessagePort;
      /** To the Kernel actor; not for the shard that hosts it … */
      readonly news?: MessagePort;
      /** … which gets what that needs instead. */
      readonly kernel?: KernelPorts;
    }
  /** Starts a created process; the result is its wait(2) status. */
  | { readonly type: 'task'; readonly pid: number };
