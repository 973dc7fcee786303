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
  private _lo = 0;
  private _hi = 0;
  private readonly _queues = new Map<number, SignalInfo[]>();
  private _count = 0;
  private _changes = 0;

  get empty(): boolean {
    return this._lo === 0 && this._hi === 0;
  }

  get mask(): SignalMask {
    return this.empty ? EMPTY_MASK : { lo: this._lo >>> 0, hi: this._hi >>> 0 };
  }

  /** Signals queued, for RLIMIT_SIGPENDING. */
  get count(): number {
    return this._count;
  }

  /** How often it has changed: for who keeps a copy. */
  get changes(): number {
    return this._changes;
  }

  has(signo: number): boolean {
    return maskHas({ lo: this._lo, hi: this._hi }, signo);
  }

  /** True when some signal that `blocked` does not hold back waits. */
  anyBeyond(blocked: SignalMask): boolean {
    return (this._lo & ~blocked.lo) !== 0 || (this._hi & ~blocked.hi) !== 0;
  }

  /** All of them, in the order of their numbers. */
  list(): SignalInfo[] {
    return [...this._queues].sort(([a], [b]) => a - b).flatMap(([, infos]) => infos);
  }

  /** False when the queue is full; a standard signal that waits already is dropped, which is no failure. */
  add(info: SignalInfo, limit: number): boolean {
    const queue = this._queues.get(info.signo);
    if (info.signo < SIGRTMIN && queue) return true;
    // A standard signal is never lost for want of room.
    if (info.signo >= SIGRTMIN && this._count >= limit) return false;
    if (queue) queue.push(info);
    else this._queues.set(info.signo, [info]);
    this._count++;
    this._changes++;
    this._setBit(info.signo);
    return true;
  }

  /** Takes the next one not held back by `blocked`, in Linux's order. */
  take(blocked: SignalMask): SignalInfo | undefined {
    if (!this.anyBeyond(blocked)) return undefined;
    for (const signo of SYNCHRONOUS) {
      if (this.has(signo) && !maskHas(blocked, signo)) return this._take(signo);
    }
    for (let signo = 1; signo <= NSIG; signo++) {
      if (this.has(signo) && !maskHas(blocked, signo)) return this._take(signo);
    }
    return undefined;
  }

  /** Takes the next one of this number. */
  takeOne(signo: number): SignalInfo | undefined {
    return this.has(signo) ? this._take(signo) : undefined;
  }

  remove(signo: number): void {
    const queue = this._queues.get(signo);
    if (!queue) return;
    this._count -= queue.length;
    this._changes++;
    this._queues.delete(signo);
    this._clearBit(signo);
  }

  private _take(signo: number): SignalInfo | undefined {
    const queue = this._queues.get(signo);
    const info = queue?.shift();
    this._changes++;
    if (info) this._count--;
    if (!queue || queue.length === 0) {
      this._queues.delete(signo);
      this._clearBit(signo);
    }
    return info;
  }

  private _setBit(signo: number): void {
    if (signo <= 32) this._lo |= 1 << (signo - 1);
    else this._hi |= 1 << (signo - 33);
  }

  private _clearBit(signo: number): void {
    if (signo <= 32) this._lo &= ~(1 << (signo - 1));
    else this._hi &= ~(1 << (signo - 33));
  }
}
