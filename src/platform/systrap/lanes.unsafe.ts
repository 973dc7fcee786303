/** At home: the lanes of all other shards (lane-table.ts), mapped, watched and looked at together. */
import type { HostFd } from '../../base/brand.js';
import { read, viewMemory } from '../host/libc.unsafe.js';
import type { HostMemory } from '../host/memory.unsafe.js';
import type { HostPoller } from '../host/poller.unsafe.js';
import { scratch } from '../host/scratch.unsafe.js';
import type { LaneSink } from '../platform.js';
import { mapLanePage } from './lane-page.unsafe.js';
import { type LaneHost, LaneReceiver } from './lane-receiver.js';
import type { LaneTable } from './lane-table.js';
import { SHARD_PAGE_SIZE } from './layout.js';

const EPOLLIN = 1;

export class Lanes {
  readonly #host: LaneHost;
  readonly #receivers: LaneReceiver[] = [];
  readonly #pages: HostMemory[] = [];

  constructor(
    host: Omit<LaneHost, 'viewAt'>,
    readonly poller: HostPoller,
  ) {
    this.#host = {
      stubSpin: () => host.stubSpin(),
      wake: (area) => host.wake(area),
      viewAt: viewMemory,
    };
  }

  /** Takes the calls of another shard's guests. False while that shard is not there yet. */
  receive(table: LaneTable, sink: LaneSink): boolean {
    const { descriptors } = table;
    if (!descriptors) return false;
    const page = mapLanePage(descriptors.page);
    this.#pages.push(page);
    const words = new Int32Array(page.view(0, SHARD_PAGE_SIZE));
    this.#receivers.push(new LaneReceiver(this.#host, table, words, sink));
    this.poller.watch(descriptors.bell as HostFd, EPOLLIN, () => {
      read(descriptors.bell, scratch().address, 8);
    });
    return true;
  }

  /** Hands over the calls that have come; how many. */
  poll(): number {
    let taken = 0;
    for (let i = 0; i < this.#receivers.length; i++) taken += (this.#receivers[i] as LaneReceiver).poll();
    return taken;
  }

  /** The same, whatever the rings say. */
  scan(): number {
    let taken = 0;
    for (const lane of this.#receivers) taken += lane.scan();
    return taken;
  }

  setParked(parked: 0 | 1): void {
    for (const lane of this.#receivers) lane.setParked(parked);
  }

  dispose(): void {
    this.#receivers.length = 0;
    for (const page of this.#pages.splice(0)) page.unmap();
  }
}
