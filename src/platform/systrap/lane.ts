/** A shard's end of the lane to its home (lane-table.ts): what each of its threads has to do with it. */
import { Lane, type LaneTable, laneStateOf } from './lane-table.js';
import { State, area as word } from './layout.js';
import type { ThreadArea } from './thread-area.js';

/** In the area's word REPORTED_BY. */
export const BY_LANE = 1;

export class LaneEnd {
  /** The call of the trap just taken was begun at home: its outcome comes, or has come, as a message. */
  begun = false;

  constructor(
    readonly table: LaneTable,
    readonly slot: number,
    readonly area: ThreadArea,
    index: number,
  ) {
    table.open(slot, index, area.hostAddress);
  }

  /** Whose calls go home from now on, while it runs. */
  setOwner(tid: number, maskLo: number, maskHi: number): void {
    this.table.setOwner(this.slot, tid, maskLo, maskHi);
  }

  /** Called before the thread runs. Its last trap's way is forgotten: nobody is to take that for a new one. */
  letGo(mayCallHome: boolean): void {
    this.area.setWord(word.LANE, mayCallHome ? 1 : 0);
    this.area.setWord(word.REPORTED_BY, 0);
    this.table.set(this.slot, Lane.OWN);
  }

  /**
   * A trap was seen: true when it is this shard's to take, which then has it. One on its way home is not, unless
   * the thread is `wanted` here.
   */
  take(wanted: boolean): boolean {
    const { table, slot, area } = this;
    for (;;) {
      const seen = table.settledState(slot);
      switch (laneStateOf(seen)) {
        case Lane.BODY:
          return true;
        case Lane.TAKEN:
        case Lane.RETURNED:
          table.set(slot, Lane.BODY);
          this.begun = laneStateOf(seen) === Lane.TAKEN;
          return true;
        case Lane.OWN:
          if (!wanted && area.word(word.REPORTED_BY) === BY_LANE) return false;
          if (!table.change(slot, seen, Lane.BODY)) continue;
          this.begun = false;
          if (isTrapped(area)) return true;
          // It was answered at home and ran on meanwhile.
          table.set(slot, Lane.OWN);
          return false;
        default:
          return false;
      }
    }
  }

  /** The thread is wanted here. True when it stands still and is to be taken; else it runs, and is to be stopped. */
  recall(): boolean {
    const { table, slot } = this;
    for (;;) {
      const seen = table.settledState(slot);
      switch (laneStateOf(seen)) {
        case Lane.TAKEN:
        case Lane.RETURNED:
          return true;
        case Lane.OWN:
          return isTrapped(this.area);
        case Lane.AT_HOME:
          if (!table.change(slot, seen, Lane.TAKEN)) continue;
          table.countHeld(-1);
          return true;
        default:
          return false;
      }
    }
  }

  /** The area is about to be nobody's. */
  close(): void {
    const { table, slot } = this;
    for (;;) {
      const seen = table.settledState(slot);
      if (!table.change(slot, seen, Lane.CLOSED)) continue;
      if (laneStateOf(seen) === Lane.AT_HOME) table.countHeld(-1);
      return;
    }
  }
}

function isTrapped(area: ThreadArea): boolean {
  const { state } = area;
  return state === State.TRAPPED || state === State.PARKED;
}
