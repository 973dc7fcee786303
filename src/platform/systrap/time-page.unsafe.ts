/** The time page of a shard's guests (layout.ts): read only for them, by a descriptor that cannot write. */
import { closeSync, openSync } from 'node:fs';
import type { Timespec } from '../../base/clock.js';
import { close, ftruncate, memfdCreate } from '../host/libc.unsafe.js';
import { check, HostMemory } from '../host/memory.unsafe.js';
import { LANE_CALLS, TIME_PAGE_SIZE, timePage as word } from './layout.js';

const MFD_CLOEXEC = 1;

export class TimePage {
  /** For the zygote. */
  readonly fd: number;
  readonly #memory: HostMemory;
  readonly #words: Int32Array;
  /** The host's clock cannot be read without a system call. */
  #broken = true;

  constructor() {
    const memfd = check('memfd_create', memfdCreate('troupe-time', MFD_CLOEXEC));
    try {
      check('ftruncate', ftruncate(memfd, TIME_PAGE_SIZE));
      this.#memory = HostMemory.shared(memfd, TIME_PAGE_SIZE);
      // A mapping of a file that is open for reading cannot be made writable, whoever tries.
      this.fd = openSync(`/proc/self/fd/${memfd}`, 'r');
    } finally {
      close(memfd);
    }
    this.#words = new Int32Array(this.#memory.view(0, TIME_PAGE_SIZE));
  }

  /** Where guests find the host's clock_gettime, or what stands in for it: then the page is never ready. */
  setHostClock(address: number, standIn: 'host' | 'systemCall'): void {
    this.#setQuad(word.HOST_CLOCK, address);
    this.#broken = standIn === 'systemCall';
  }

  /** `zero`: the host's monotonic clock when that of guests was 0; undefined: they are to ask. */
  publish(zero: Timespec | undefined): void {
    const sequence = this.#words[word.SEQUENCE >> 2] as number;
    Atomics.store(this.#words, word.SEQUENCE >> 2, sequence + 1);
    Atomics.store(this.#words, word.READY >> 2, zero && !this.#broken ? 1 : 0);
    if (zero) {
      this.#setQuad(word.ZERO_SEC, zero.sec);
      this.#setQuad(word.ZERO_NSEC, zero.nsec);
    }
    Atomics.store(this.#words, word.SEQUENCE >> 2, sequence + 2);
  }

  /** These system calls are reported by the lane. */
  setLaneCalls(numbers: readonly number[]): void {
    for (const n of numbers) if (n < LANE_CALLS) this.#words[(word.LANE_CALLS >> 2) + n] = 1;
  }

  /** The host's clock turned out to need system calls: no guest reads it any more. */
  giveUp(): void {
    this.#broken = true;
    this.publish(undefined);
  }

  #setQuad(offset: number, value: number): void {
    const high = Math.floor(value / 2 ** 32);
    Atomics.store(this.#words, offset >> 2, value - high * 2 ** 32);
    Atomics.store(this.#words, (offset >> 2) + 1, high);
  }

  dispose(): void {
    // As it was opened: node closes what it opened in a thread when that ends, whose number may be another's by then.
    closeSync(this.fd);
    this.#memory.unmap();
  }
}
