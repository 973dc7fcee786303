/**
 * What a shard has to do with the other shards of its kernel, where there are any: its part in kernel/home, the lanes
 * by which calls of guests come straight to the home (docs/decisions/0034), and the cores that others keep busy.
 */
import { present } from '../base/assert.js';
import { awayDispatch } from '../kernel/home/away-dispatch.js';
import { AwayLink } from '../kernel/home/away-link.js';
import { HomeDesk } from '../kernel/home/home-desk.js';
import { callsByLane } from '../kernel/home/lane-calls.js';
import type { KernelServices } from '../kernel/services.js';
import { runReady, trapSink } from '../kernel/task/run.js';
import type { KernelConfig } from '../messages/kernel.js';
import type { LaneSink, TrapSink } from '../platform/platform.js';
import type { LaneTable } from '../platform/systrap/lane-table.js';
import type { LaneOptions, SystrapPlatform } from '../platform/systrap/systrap.unsafe.js';
import type { ControlBlock } from './control-block.js';
import type { AwayLine, HomeLines } from './home-lines.js';
import { HOST_SHARD } from './host-shard.js';
import { newPlacement } from './placement.js';

export interface OthersParts {
  readonly index: number;
  readonly config: KernelConfig;
  readonly control: ControlBlock;
  /** To the other shards: the home's end, or this shard's. */
  readonly lines?: HomeLines | AwayLine | undefined;
  /** By shard: which calls of its guests are at home. */
  readonly lanes: readonly LaneTable[];
}

/** How calls go home straight from this shard's guests; nothing at home itself. */
export function laneHome({ lines, lanes, index }: OthersParts): { lane?: LaneOptions } {
  if (!lines || !('ask' in lines)) return {};
  const table = present(lanes[index], 'lane');
  return { lane: { table, calls: callsByLane(), isOpen: () => !lines.backlog } };
}

/** Tells the platform what others leave it: cores that other shards' guests run on are not there to spin on. */
export function lookAtOthers(
  { control, index, config, lanes }: OthersParts,
  platform: SystrapPlatform,
): void {
  control.setRunning(index, platform.running);
  let taken = control.coresTakenBeside(index, config.shards);
  let callers = 0;
  for (let other = 1; other < lanes.length; other++) {
    if (other === index) continue;
    const { held } = lanes[other] as LaneTable;
    taken -= held;
    callers += control.running(other) - held;
  }
  platform.coresTaken = taken;
  if (index === HOST_SHARD) platform.callersElsewhere = callers;
}

/**
 * What is told of traps. Away from home, what the home told before it answered a call of the guest's comes before
 * the guest's next trap: a SIGCHLD before a call that blocks it.
 */
export function sinkFor({ lines }: OthersParts, services: KernelServices): TrapSink {
  const sink = trapSink(services);
  if (!lines || !('ask' in lines)) return sink;
  return {
    onTrap(context) {
      if (lines.waiting) lines.drain();
      sink.onTrap(context);
    },
    onDeath: (space, why) => sink.onDeath(space, why),
  };
}

/** Takes this shard's part in kernel/home. */
export function joinOthers(parts: OthersParts, services: KernelServices, platform: SystrapPlatform): void {
  const { lines } = parts;
  if (!lines) return;
  if ('ask' in lines) {
    const link = new AwayLink(services, lines);
    services.away = link;
    services.tasks.dispatch = awayDispatch(link);
    lines.attach((message) => link.receive(message));
  } else {
    const desk = newHomeDesk(parts, services, platform, lines);
    services.home = desk;
    lines.attach((shard, message) => desk.receive(shard, message));
  }
}

function newHomeDesk(
  { config, control, lanes }: OthersParts,
  services: KernelServices,
  platform: SystrapPlatform,
  lines: HomeLines,
): HomeDesk {
  const load = {
    nowNs: () => services.clock.monotonic(),
    busyUs: (shard: number) => control.busyUs(shard),
  };
  const placement = newPlacement(config.placement, config.shards, load);
  const received = new Set<number>();
  const desk = new HomeDesk(services, config.shards, placement, (shard, message) => {
    // Before the first program runs there; that there is one says that the shard is up.
    if (message.type === 'go' && !received.has(shard)) {
      if (platform.receiveLane(present(lanes[shard], 'lane'), sinkOf(shard))) received.add(shard);
    }
    lines.tell(shard, message);
  });
  const sinkOf = (shard: number): LaneSink => ({
    onCall: (tid, call) => {
      // What its shard told before the guest went on comes first.
      lines.hear(shard);
      desk.onCall(tid, call);
      if (!services.tasks.runQueue.empty) runReady(services.tasks);
    },
    onNonsense: (tid) => desk.onNonsense(tid),
  });
  return desk;
}
