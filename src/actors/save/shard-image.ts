/** A shard's part in saving and loading: what of a kernel lives in the actors and not in its objects. */
import type { MissingKind } from '../../base/missing.js';
import type { TerminalBridge } from '../../kernel/fs/tty/bridge.js';
import { CannotLoad, type HostStream } from '../../kernel/save/graph.js';
import { loadKernel, type SavedClock, type ShardPart, saveKernel } from '../../kernel/save/snapshot.js';
import type { KernelServices } from '../../kernel/services.js';
import type { LoadedProcess, LoadRequest, SaveRequest } from '../../messages/shard.js';
import { readImage, writeImage } from './image-file.js';
import { LoadedStdio } from './loaded-stdio.js';
import { Phases } from './phases.js';

export function saveShard(
  services: KernelServices,
  part: ShardPart,
  shard: number,
  request: SaveRequest,
): void {
  const phases = new Phases('save', services.log, request.progress);
  writeImage(request, shard, phases, (image) => saveKernel(services, part, image));
}

export interface LoadedShard {
  readonly part: ShardPart;
  readonly processes: readonly LoadedProcess[];
  readonly bridges: ReadonlyMap<number, TerminalBridge>;
}

/** The streams of each process come to be when one of its descriptors is first met. */
export function loadShard(
  services: KernelServices,
  shard: number,
  request: LoadRequest,
  setMonotonic: (ns: number) => void,
): LoadedShard {
  const plans = new Map<number, LoadedStdio>();
  const planOf = (pid: number): LoadedStdio => {
    const known = plans.get(pid);
    if (known) return known;
    const made = new LoadedStdio(services, request.stdio);
    plans.set(pid, made);
    return made;
  };
  const host = {
    stream: (pid: number, slot: number): HostStream | undefined => planOf(pid).streamAt(slot),
    missing(what: MissingKind, why: string): void {
      if (!request.dropMissing.includes(what)) {
        throw new CannotLoad(`${why}; to go on without it, drop missing ${what}`);
      }
      services.log.warn({ what, why }, 'dropped');
    },
    setClock(saved: SavedClock): void {
      const now = services.clock.realtime();
      const elapsed = (now.sec - saved.realtime.sec) * 1e9 + (now.nsec - saved.realtime.nsec);
      setMonotonic(saved.monotonicNs + (request.sleepers === 'elapse' ? Math.max(0, elapsed) : 0));
    },
  };
  const phases = new Phases('load', services.log, request.progress);
  const part = readImage(request.path, shard, phases, (image) => loadKernel(services, image, host));
  const bridges = new Map<number, TerminalBridge>();
  for (const [pid, terminal] of part.bridged) bridges.set(pid, planOf(pid).newBridge(terminal));
  const fromOutside = [...services.tasks.groups()].filter((g) => g.parentPid === 0 && !g.isZombie);
  const processes = fromOutside.map(({ pid }) => ({ pid, pipes: planOf(pid).theirs }));
  for (const plan of plans.values()) plan.closeUnused();
  return { part, bridges, processes };
}
