/**
 * Words that all threads of a kernel share, in one SharedArrayBuffer. Each is documented here: who
 * writes it, who reads it.
 *
 *     word 0                     SHUTDOWN   main sets it to 1; shards end their reactor
 *     word 1                     CPU_CLOCK  ticks in which some guest ran; shards add, everybody reads
 *     word 2                     LAST_TICK  number of the tick counted last, of which shards take turns
 *     word 3 + 6 * shard         BELL_FD    the shard's eventfd + 1; written once by the shard, 0 again by main
 *     word 4 + 6 * shard         PORT_MAIL  count of messages posted to the shard's ports; written by
 *                                           senders before they ring, read by the reactor
 *     word 5 + 6 * shard         PARKED     1 while the shard sleeps or is about to; written by the shard.
 *                                           Who writes to one of its rings rings the bell when it is 1: the
 *                                           shard sets it and then looks at its rings, the writer writes and
 *                                           then looks at it, so one of them sees the other
 *     word 6 + 6 * shard         BUSY_US    microseconds for which the shard had something to do, modulo 2³²;
 *                                           written by the shard, read by placement
 *     word 7 + 6 * shard         RUNNING    guest threads that may be running or have a call at home; written by the shard before it
 *                                           spins or sleeps, read by the others before they do
 *     word 8 + 6 * shard         STANDS_FOR the shard whose answer it stands and waits for + 1, 0: none; written by the
 *                                           shard, read by whoever is about to stand (the call order)
 */
import { closeSync, writeSync } from 'node:fs';
import { assert } from '../base/assert.js';
import { HOST_SHARD } from './host-shard.js';

const SHUTDOWN = 0;
const CPU_CLOCK = 1;
const LAST_TICK = 2;
const BELL_FD = 3;
const PORT_MAIL = 4;
const PARKED = 5;
const BUSY_US = 6;
const RUNNING = 7;
const STANDS_FOR = 8;
const WORDS_PER_SHARD = 6;
const one = new Uint8Array(new BigUint64Array([1n]).buffer);

export class ControlBlock {
  readonly #words: Int32Array;

  constructor(readonly buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  static create(shards: number): ControlBlock {
    return new ControlBlock(new SharedArrayBuffer(4 * (BELL_FD + WORDS_PER_SHARD * shards)));
  }

  setBell(shard: number, fd: number): void {
    Atomics.store(this.#words, BELL_FD + WORDS_PER_SHARD * shard, fd + 1);
  }

  /** Wakes a shard that sleeps. One that has no bell yet has not slept yet. */
  ring(shard: number): void {
    const fd = Atomics.load(this.#words, BELL_FD + WORDS_PER_SHARD * shard) - 1;
    if (fd >= 0) writeSync(fd, one);
  }

  /** Wakes a shard if it sleeps: something was written to one of its rings. */
  wake(shard: number): void {
    if (Atomics.load(this.#words, PARKED + WORDS_PER_SHARD * shard) === 1) this.ring(shard);
  }

  setParked(shard: number, parked: 0 | 1): void {
    Atomics.store(this.#words, PARKED + WORDS_PER_SHARD * shard, parked);
  }

  setRunning(shard: number, guests: number): void {
    Atomics.store(this.#words, RUNNING + WORDS_PER_SHARD * shard, guests);
  }

  running(shard: number): number {
    return Atomics.load(this.#words, RUNNING + WORDS_PER_SHARD * shard);
  }

  /** Cores that all shards but this one keep busy: with guests, and by being awake themselves. */
  coresTakenBeside(shard: number, shards: number): number {
    let taken = 0;
    for (let other = 0; other < shards; other++) {
      if (other === shard) continue;
      taken += this.running(other);
      taken += 1 - Atomics.load(this.#words, PARKED + WORDS_PER_SHARD * other);
    }
    return taken;
  }

  /**
   * The shard is about to stand until `other` answers. The call order: only the home is asked so, by shards that are
   * not the home, and it stands for nobody; so no circle of shards waits for itself.
   */
  standFor(shard: number, other: number): void {
    assert(
      other === HOST_SHARD && shard !== HOST_SHARD,
      `call order: shard ${shard} waits for shard ${other}`,
    );
    const stands = Atomics.load(this.#words, STANDS_FOR + WORDS_PER_SHARD * other) - 1;
    assert(
      stands < 0,
      `call order: shard ${shard} waits for shard ${other}, which waits for shard ${stands}`,
    );
    const before = Atomics.exchange(this.#words, STANDS_FOR + WORDS_PER_SHARD * shard, other + 1);
    assert(before === 0, `call order: shard ${shard} waits twice`);
  }

  standNoMore(shard: number): void {
    Atomics.store(this.#words, STANDS_FOR + WORDS_PER_SHARD * shard, 0);
  }

  addBusy(shard: number, microseconds: number): void {
    Atomics.add(this.#words, BUSY_US + WORDS_PER_SHARD * shard, microseconds);
  }

  busyUs(shard: number): number {
    return Atomics.load(this.#words, BUSY_US + WORDS_PER_SHARD * shard) >>> 0;
  }

  /** When every shard has ended, and not before: a number that is closed may be somebody else's next. */
  closeBells(shards: number): void {
    for (let i = 0; i < shards; i++) {
      const fd = Atomics.exchange(this.#words, BELL_FD + WORDS_PER_SHARD * i, 0) - 1;
      if (fd >= 0) closeSync(fd);
    }
  }

  /** A message was posted to one of the shard's ports: it must pass through its event loop. */
  ringForPort(shard: number): void {
    Atomics.add(this.#words, PORT_MAIL + WORDS_PER_SHARD * shard, 1);
    this.ring(shard);
  }

  portMail(shard: number): number {
    return Atomics.load(this.#words, PORT_MAIL + WORDS_PER_SHARD * shard);
  }

  /** Counts a tick of the CPU clock, unless another shard has; numbers only grow. */
  countTick(tick: number): void {
    const last = Atomics.load(this.#words, LAST_TICK);
    // The numbers wrap: what counts is which is ahead.
    if (((tick - last) | 0) <= 0) return;
    if (Atomics.compareExchange(this.#words, LAST_TICK, last, tick | 0) !== last) return;
    Atomics.add(this.#words, CPU_CLOCK, 1);
  }

  get cpuClock(): number {
    return Atomics.load(this.#words, CPU_CLOCK) >>> 0;
  }

  shutDown(shards: number): void {
    Atomics.store(this.#words, SHUTDOWN, 1);
    for (let i = 0; i < shards; i++) this.ring(i);
  }

  get isShutDown(): boolean {
    return Atomics.load(this.#words, SHUTDOWN) === 1;
  }
}
