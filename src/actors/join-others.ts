/** Several shards are one kernel: each has its part in kernel/home. */
import { awayDispatch } from '../kernel/home/away-dispatch.js';
import { AwayLink } from '../kernel/home/away-link.js';
import { HomeDesk } from '../kernel/home/home-desk.js';
import type { KernelServices } from '../kernel/services.js';
import type { KernelConfig } from '../messages/kernel.js';
import type { ControlBlock } from './control-block.js';
import type { AwayLine, HomeLines } from './home-lines.js';
import { newPlacement } from './placement.js';

/** Takes this shard's part: that of the home, or of another. */
export function joinOthers(
  services: KernelServices,
  lines: HomeLines | AwayLine,
  config: KernelConfig,
  control: ControlBlock,
): void {
  if ('ask' in lines) {
    const link = new AwayLink(services, lines);
    services.away = link;
    services.tasks.dispatch = awayDispatch(link);
    lines.attach((message) => link.receive(message));
  } else {
    const load = {
      nowNs: () => services.clock.monotonic(),
      busyUs: (shard: number) => control.busyUs(shard),
    };
    const placement = newPlacement(config.placement, config.shards, load);
    const desk = new HomeDesk(services, config.shards, placement, (shard, m) => lines.tell(shard, m));
    services.home = desk;
    lines.attach((shard, message) => desk.receive(shard, message));
  }
}
