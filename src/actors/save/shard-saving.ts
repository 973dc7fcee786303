/** A shard's part in saving and loading a kernel: what it holds is in its image, or it says that it holds nothing. */
import { E } from '../../abi/errno.js';
import type { MountNamespace } from '../../kernel/fs/mounts.js';
import type { TerminalBridge } from '../../kernel/fs/tty/bridge.js';
import { CannotLoad, CannotSave } from '../../kernel/save/graph.js';
import type { KernelServices } from '../../kernel/services.js';
import type { Task } from '../../kernel/task/task.js';
import type { KernelErrorCode } from '../../messages/kernel.js';
import type { LoadRequest, SaveRequest, ShardNews } from '../../messages/shard.js';
import { HOST_SHARD } from '../host-shard.js';
import { BrokenImage } from './frames.js';
import { loadShard, saveShard } from './shard-image.js';

export interface ShardSavingParts {
  readonly index: number;
  readonly services: KernelServices;
  /** Terminals of processes that were started with one, by pid. */
  readonly bridges: ReadonlyMap<number, TerminalBridge>;
  mounts(): MountNamespace;
  /** The mounts of a loaded kernel. */
  setMounts(mounts: MountNamespace): void;
  /** A process that the embedder had asked for is here again. */
  adopt(leader: Task, bridge: TerminalBridge | undefined): void;
  /** Guests' monotonic time goes on from here. */
  continueAt(ns: number): void;
  tell(news: ShardNews): void;
}

export class ShardSaving {
  constructor(readonly parts: ShardSavingParts) {}

  save(id: number, request: SaveRequest): void {
    const { index, services, bridges, tell } = this.parts;
    this.#attempt(id, 'CannotSave', () => {
      if (index === HOST_SHARD) {
        const bridged = new Map([...bridges].map(([pid, bridge]) => [pid, bridge.toBeSaved()] as const));
        saveShard(services, { mounts: this.parts.mounts(), bridged }, index, request);
      } else if (services.tasks.size > 0) {
        throw new CannotSave('processes that run on several shards cannot be saved');
      }
      tell({ type: 'saved', id });
    });
  }

  load(id: number, request: LoadRequest): void {
    const { index, services, tell, adopt } = this.parts;
    this.#attempt(id, 'CannotLoad', () => {
      if (index !== HOST_SHARD) {
        tell({ type: 'loaded', id, processes: [] });
        return;
      }
      const loaded = loadShard(services, index, request, (ns) => this.parts.continueAt(ns));
      this.parts.setMounts(loaded.part.mounts);
      for (const { pid } of loaded.processes) {
        const leader = services.tasks.byPid(pid)?.leader;
        if (leader) adopt(leader, loaded.bridges.get(pid));
      }
      for (const bridge of loaded.bridges.values()) bridge.start();
      tell({ type: 'loaded', id, processes: loaded.processes });
    });
  }

  /** What stands in the way is the embedder's to hear about; anything else is a bug of ours. */
  #attempt(id: number, otherwise: KernelErrorCode, act: () => void): void {
    try {
      act();
    } catch (e) {
      const error = e instanceof Error ? e : new Error(String(e));
      const code = error instanceof BrokenImage ? 'BrokenImage' : otherwise;
      const expected =
        error instanceof BrokenImage ||
        error instanceof CannotSave ||
        error instanceof CannotLoad ||
        isOfHost(error);
      if (!expected) this.parts.services.log.error({ error: error.stack }, 'saving or loading failed');
      const { message } = error;
      this.parts.tell({ type: 'failed', id, errno: E.EIO, obstacle: 'sandbox', message, code });
    }
  }
}

/** A file could not be written or read: the disk is full, say. */
function isOfHost(error: Error): boolean {
  return 'syscall' in error && 'code' in error;
}
