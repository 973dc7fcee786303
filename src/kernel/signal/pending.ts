/**
 * Signals that wait for delivery, signal(7). A standard signal is there once at most; real-time ones
 * queue in order. One of these is a task's own, one its thread group's.
 */
import { NSIG, SIG, SIGRTMIN } from '../../abi/signal.js';
import { EMPTY_MASK, maskHas, type SignalMask } from './mask.js';
import type { SignalInfo } from './siginfo.js';

/** Faults come before anything that others sent: the handler must see the registers of the fault. */
const SYNCHRONOUS = [SIG.SEGV, SIG.BUS, SIG.ILL, SIG.TRAP, SIG.FPE, SIG.SYS];

export class PendingSignals {
  #lo = 0;
  #hi = 0;
  readonly #queues = new Map<number, SignalInfo[]>();
  #count = 0;

  get empty(): boolean {
    return this.#lo === 0 && this.#hi === 0;
  }

  get mask(): SignalMask {
    return this.empty ? EMPTY_MASK : { lo: this.#lo >>> 0, hi: this.#hi >>> 0 };
  }

  /** Signals queued, for RLIMIT_SIGPENDING. */
  get count(): number {
    return this.#count;
  }

  has(signo: number): boolean {
    return maskHas({ lo: this.#lo, hi: this.#hi }, signo);
  }

  /** True when some signal that `blocked` does not hold back waits. */
  anyBeyond(blocked: SignalMask): boolean {
    return (this.#lo & ~blocked.lo) !== 0 || (this.#hi & ~blocked.hi) !== 0;
  }

  /** All of them, in the order of their numbers. */
  list(): SignalInfo[] {
    return [...this.#queues].sort(([a], [b]) => a - b).flatMap(([, infos]) => infos);
  }

  /** False when the queue is full; a standard signal that waits already is dropped, which is no failure. */
  add(info: SignalInfo, limit: number): boolean {
    const queue = this.#queues.get(info.signo);
    if (info.signo < SIGRTMIN && queue) return true;
    // A standard signal is never lost for want of room.
    if (info.signo >= SIGRTMIN && this.#count >= limit) return false;
    if (queue) queue.push(info);
    else this.#queues.set(info.signo, [info]);
    this.#count++;
    this.#setBit(info.signo);
    return true;
  }

  /** Takes the next one not held back by `blocked`, in Linux's order. */
  take(blocked: SignalMask): SignalInfo | undefined {
    if (!this.anyBeyond(blocked)) return undefined;
    for (const signo of SYNCHRONOUS) {
      if (this.has(signo) && !maskHas(blocked, signo)) return this.#take(signo);
    }
    for (let signo = 1; signo <= NSIG; signo++) {
      if (this.has(signo) && !maskHas(blocked, signo)) return this.#take(signo);
    }
    return undefined;
  }

  remove(signo: number): void {
    const queue = this.#queues.get(signo);
    if (!queue) return;
    this.#count -= queue.length;
    this.#queues.delete(signo);
    this.#clearBit(signo);
  }

  #take(signo: number): SignalInfo | undefined {
    const queue = this.#queues.get(signo);
    const info = queue?.shift();
    if (info) this.#count--;
    if (!queue || queue.length === 0) {
      this.#queues.delete(signo);
      this.#clearBit(signo);
    }
    return info;
  }

  #setBit(signo: number): void {
    if (signo <= 32) this.#lo |= 1 << (signo - 1);
    else this.#hi |= 1 << (signo - 33);
  }

  #clearBit(signo: number): void {
    if (signo <= 32) this.#lo &= ~(1 << (signo - 1));
    else this.#hi &= ~(1 << (signo - 33));
  }
}
