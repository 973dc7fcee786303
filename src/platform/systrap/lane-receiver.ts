/**
 * The home's end of a lane (lane-table.ts): takes the system calls that guests of another shard report
 * straight to it, and lets those guests go on with the results. What it reads of an area it reads once,
 * while the area is held for it, and believes nothing of it.
 */
import type { LaneCall, LaneSink } from '../platform.js';
import { BY_LANE } from './lane.js';
import { LANE_SLOTS, Lane, type LaneTable, laneStateOf } from './lane-table.js';
import { AREA_SIZE, AREAS, LANE_CALLS, RING_SIZE, State, shardPage, area as word } from './layout.js';
import { greg, ThreadArea } from './thread-area.js';

const SIGSYS = 31;
const AUDIT_ARCH_X86_64 = 0xc000_003e;
const SI_ARCH = 28;
const TAIL = shardPage.TAIL >> 2;
const PARKED = shardPage.PARKED >> 2;
const RING = shardPage.RING >> 2;
/** Registers of a system call's arguments, in order. */
const ARGUMENTS = [greg.RDI, greg.RSI, greg.RDX, greg.R10, greg.R8, greg.R9] as const;

/** What a lane asks of the platform at home. */
export interface LaneHost {
  stubSpin(): number;
  wake(area: ThreadArea): void;
  /** Memory of this process, by its address. */
  viewAt(address: number, length: number): ArrayBuffer;
}

export class LaneReceiver {
  private readonly _calls: (ReportedCall | undefined)[] = [];
  private _head = 0;
  /** One more than the highest slot that has called. */
  private _slots = 0;

  constructor(
    readonly host: LaneHost,
    readonly table: LaneTable,
    /** The lane page. */
    readonly words: Int32Array,
    readonly sink: LaneSink,
  ) {}

  /** Hands over the calls that have come; how many. */
  poll(): number {
    const { words } = this;
    // The tail is the guests' to write: at most one round of the ring a call.
    const tail = Atomics.load(words, TAIL);
    let taken = 0;
    for (let n = 0; n < RING_SIZE && this._head !== tail; n++) {
      const id = Atomics.exchange(words, RING + (this._head & (RING_SIZE - 1)), 0);
      if (id === 0) break; // on its way
      this._head = (this._head + 1) | 0;
      if (id > 0 && id <= LANE_SLOTS && this._take(id - 1)) taken++;
    }
    return taken;
  }

  setParked(parked: 0 | 1): void {
    Atomics.store(this.words, PARKED, parked);
  }

  /** Looks at every thread that has called, whatever the ring says, and starts the ring anew. */
  scan(): number {
    const taken = this.poll();
    let more = 0;
    for (let slot = 0; slot < this._slots; slot++) if (this._take(slot)) more++;
    return taken + more;
  }

  private _take(slot: number): boolean {
    const { table } = this;
    const seen = table.state(slot);
    if (laneStateOf(seen) !== Lane.OWN || !table.change(slot, seen, Lane.BUSY)) return false;
    const held = (seen & ~Lane.OWN) | Lane.BUSY;
    const call = this._callOf(slot, seen);
    const { area } = call;
    const { state } = area;
    const trapped = state === State.TRAPPED || state === State.PARKED;
    if (!trapped || area.word(word.REPORTED_BY) !== BY_LANE) {
      table.change(slot, held, Lane.OWN);
      return false;
    }
    const tid = table.tid(slot);
    if (tid === 0 || !call.read()) {
      // Nothing honest: its shard is to see what it is.
      table.change(slot, held, Lane.RETURNED);
      this.sink.onNonsense(tid);
      return false;
    }
    call.maskLo = table.maskLo(slot);
    call.maskHi = table.maskHi(slot);
    table.countHeld(1);
    table.countCall(slot);
    table.change(slot, held, Lane.AT_HOME);
    this.sink.onCall(tid, call);
    return true;
  }

  private _callOf(slot: number, state: number): ReportedCall {
    const generation = state - laneStateOf(state);
    const known = this._calls[slot];
    if (known?.generation === generation) return known;
    const { table } = this;
    const address = table.address(slot);
    const stubAddress = AREAS + table.index(slot) * AREA_SIZE;
    const area = new ThreadArea(this.host.viewAt(address, AREA_SIZE), stubAddress, address);
    const call = new ReportedCall(this.host, table, slot, generation, area);
    this._calls[slot] = call;
    this._slots = Math.max(this._slots, slot + 1);
    return call;
  }
}

/** The call that a thread has at home; one object a thread, filled in anew by each. */
class ReportedCall implements LaneCall {
  number = -1;
  readonly args = new Uint32Array(12);
  maskLo = 0;
  maskHi = 0;

  constructor(
    readonly host: LaneHost,
    readonly table: LaneTable,
    readonly slot: number,
    readonly generation: number,
    readonly area: ThreadArea,
  ) {}

  /** False when it is no system call that comes by the lane. */
  read(): boolean {
    const { area, args } = this;
    if (area.signo !== SIGSYS || !area.tryTakeFrame()) return false;
    const info = area.tryInfoOffset();
    if (info === 0 || area.word(info + SI_ARCH) !== AUDIT_ARCH_X86_64) return false;
    this.number = area.regLo(greg.RAX);
    for (let i = 0; i < ARGUMENTS.length; i++) {
      const register = ARGUMENTS[i] as number;
      args[2 * i] = area.regLo(register);
      args[2 * i + 1] = area.regHi(register);
    }
    return this.number < LANE_CALLS;
  }

  answer(value: number): boolean {
    const { table, slot, area, generation } = this;
    if (!table.change(slot, generation | Lane.AT_HOME, Lane.BUSY)) return false;
    table.countHeld(-1);
    area.setReg(greg.RAX, value);
    area.spin = this.host.stubSpin();
    // Not before it goes may its shard take it for trapped: what has not been taken is.
    const sleeps = area.go(State.GO_RUN);
    table.change(slot, generation | Lane.BUSY, Lane.OWN);
    if (sleeps) this.host.wake(area);
    return true;
  }

  handOver(): void {
    this._giveBack(Lane.TAKEN);
  }

  decline(): void {
    this._giveBack(Lane.RETURNED);
  }

  private _giveBack(state: typeof Lane.TAKEN | typeof Lane.RETURNED): void {
    const { table, slot, generation } = this;
    if (table.change(slot, generation | Lane.AT_HOME, state)) table.countHeld(-1);
  }
}
