/**
 * Who may touch a guest thread's area: its own shard, or the home, to which calls that concern what
 * processes share come straight from the stub (docs/decisions/0034). One table a shard, in a
 * SharedArrayBuffer that no guest has; an entry a slot.
 *
 *     CLOSED ──open──► BODY ──letGo──► OWN ──the shard takes the trap──► BODY
 *                       ▲               │▲
 *                       │         home  ▼│ it answers
 *                     TAKEN ◄─────────── AT_HOME      (BUSY in between)
 *
 * OWN: the guest runs, or nobody has taken its trap. BUSY: the home looks at the area, for less than a microsecond; the
 * shard waits for that. AT_HOME: the home carries out a call, and does not touch the area. TAKEN: the shard has
 * it back, or is to take it, before the call has come to something: its outcome comes as a message. RETURNED: the same,
 * and the home has not begun the call.
 * Every change of another's state is a compare-and-exchange, and states carry the generation of
 * their slot, so nobody takes one thread for another that had its slot before.
 */
export const Lane = { CLOSED: 0, BODY: 1, OWN: 2, BUSY: 3, AT_HOME: 4, TAKEN: 5, RETURNED: 6 } as const;
const STATE_BITS = 7;
const GENERATION = 8;

/** Words before the entries. */
const header = {
  /** Calls of this shard's guests that are at home: their threads do not run. Writers: both. */
  HELD: 0,
  /** The lane's page and doorbell, as host descriptors + 1. Writer: the shard, once. Reader: the home. */
  PAGE_FD: 1,
  BELL_FD: 2,
} as const;
const HEADER_WORDS = 8;

/** Words of an entry. Writer of all but STATE: the shard, while it is not OWN. Reader: the home, while it is BUSY. */
const entry = {
  /** A Lane, and the generation of the slot above it. */
  STATE: 0,
  /** The thread that has the slot; 0: its calls do not go home. */
  TID: 1,
  /** Its signal mask: who reads a terminal in the background is asked for it. */
  MASK_LO: 2,
  MASK_HI: 3,
  /** Where its area lies in this process, and which of its address space it is. */
  ADDRESS_LO: 4,
  ADDRESS_HI: 5,
  INDEX: 6,
  /** How many calls the thread has made by the lane, modulo 2³². Writer: the home, while the entry is BUSY. */
  CALLS: 7,
} as const;
const ENTRY_WORDS = 8;
/** More threads than these on one shard send their calls home by message. Untouched pages cost nothing. */
export const LANE_SLOTS = 16_384;

const TWO32 = 0x1_0000_0000;
/** Looks at a BUSY entry before its holder is taken for descheduled; one is 5 ns. */
const LOOKS = 2_000;
/** After so many milliseconds the home's thread is taken for dead. */
const PATIENCE_MS = 2_000;

export const laneStateOf = (word: number): number => word & STATE_BITS;

export class LaneTable {
  private readonly _words: Int32Array;

  constructor(readonly buffer: SharedArrayBuffer) {
    this._words = new Int32Array(buffer);
  }

  static create(): LaneTable {
    return new LaneTable(new SharedArrayBuffer(4 * (HEADER_WORDS + LANE_SLOTS * ENTRY_WORDS)));
  }

  // Header

  get held(): number {
    return Atomics.load(this._words, header.HELD);
  }
  countHeld(change: 1 | -1): void {
    Atomics.add(this._words, header.HELD, change);
  }

  publish(pageFd: number, bellFd: number): void {
    Atomics.store(this._words, header.PAGE_FD, pageFd + 1);
    Atomics.store(this._words, header.BELL_FD, bellFd + 1);
  }
  /** The host descriptors of its page and doorbell, once the shard has made them. */
  get descriptors(): { readonly page: number; readonly bell: number } | undefined {
    const bell = Atomics.load(this._words, header.BELL_FD) - 1;
    return bell < 0 ? undefined : { page: Atomics.load(this._words, header.PAGE_FD) - 1, bell };
  }

  // Entries, by slot

  /** State and generation. */
  state(slot: number): number {
    return Atomics.load(this._words, at(slot));
  }
  /** Sets the state of an entry that is this side's; the generation stays. */
  set(slot: number, state: number): void {
    const i = at(slot);
    Atomics.store(this._words, i, (Atomics.load(this._words, i) & ~STATE_BITS) | state);
  }
  /** Changes it from what it was seen to be; false when it is no more. */
  change(slot: number, seen: number, state: number): boolean {
    const i = at(slot);
    return Atomics.compareExchange(this._words, i, seen, (seen & ~STATE_BITS) | state) === seen;
  }

  /** State and generation, when the home does not look at the area. */
  settledState(slot: number): number {
    const i = at(slot);
    for (let n = 0; n < LOOKS; n++) {
      const word = Atomics.load(this._words, i);
      if ((word & STATE_BITS) !== Lane.BUSY) return word;
    }
    for (let ms = 0; ms < PATIENCE_MS; ms++) {
      const word = Atomics.load(this._words, i);
      if ((word & STATE_BITS) !== Lane.BUSY) return word;
      Atomics.wait(this._words, i, word, 1);
    }
    return Atomics.load(this._words, i);
  }

  /** Another thread has the slot from now on; it is its shard's. */
  open(slot: number, index: number, address: number): void {
    const i = at(slot);
    this._words[i + entry.TID] = 0;
    this._words[i + entry.INDEX] = index;
    this._words[i + entry.ADDRESS_LO] = (address % TWO32) | 0;
    this._words[i + entry.ADDRESS_HI] = Math.floor(address / TWO32);
    const generation = (Atomics.load(this._words, i) & ~STATE_BITS) + GENERATION;
    Atomics.store(this._words, i, generation | 0 | Lane.BODY);
  }

  calls(slot: number): number {
    return Atomics.load(this._words, at(slot) + entry.CALLS);
  }
  countCall(slot: number): void {
    Atomics.add(this._words, at(slot) + entry.CALLS, 1);
  }

  setOwner(slot: number, tid: number, maskLo: number, maskHi: number): void {
    const i = at(slot);
    this._words[i + entry.TID] = tid;
    this._words[i + entry.MASK_LO] = maskLo;
    this._words[i + entry.MASK_HI] = maskHi;
  }

  tid(slot: number): number {
    return this._words[at(slot) + entry.TID] as number;
  }
  maskLo(slot: number): number {
    return (this._words[at(slot) + entry.MASK_LO] as number) >>> 0;
  }
  maskHi(slot: number): number {
    return (this._words[at(slot) + entry.MASK_HI] as number) >>> 0;
  }
  index(slot: number): number {
    return this._words[at(slot) + entry.INDEX] as number;
  }
  address(slot: number): number {
    const i = at(slot);
    const low = (this._words[i + entry.ADDRESS_LO] as number) >>> 0;
    return (this._words[i + entry.ADDRESS_HI] as number) * TWO32 + low;
  }
}

function at(slot: number): number {
  return HEADER_WORDS + slot * ENTRY_WORDS;
}
