/** The numbers that a kernel hands out and never takes back. They are saved with it. */
import { assert } from '../base/assert.js';

const UNIQUE_IDS = 1n << 64n;
const COOKIES = 0x1_0000_0000;

export interface CounterState {
  readonly lastUniqueId: bigint;
  readonly lastInotifyCookie: number;
}

export class Counters {
  #uniqueId: bigint;
  #cookie: number;

  constructor(from: CounterState = { lastUniqueId: 0n, lastInotifyCookie: 0 }) {
    this.#uniqueId = from.lastUniqueId;
    this.#cookie = from.lastInotifyCookie;
  }

  /** 64 bits, never the same twice: there being no more is a bug. */
  uniqueId(): bigint {
    this.#uniqueId++;
    assert(this.#uniqueId < UNIQUE_IDS, 'unique ids are used up');
    return this.#uniqueId;
  }

  /** 32 bits, which ties IN_MOVED_FROM to IN_MOVED_TO; comes round, but never to 0. */
  inotifyCookie(): number {
    this.#cookie = (this.#cookie + 1) % COOKIES;
    if (this.#cookie === 0) this.#cookie = 1;
    return this.#cookie;
  }

  get state(): CounterState {
    return { lastUniqueId: this.#uniqueId, lastInotifyCookie: this.#cookie };
  }
}
