/** A clock whose monotonic time can be set ahead or back: that of a kernel that goes on where another was. */
import type { Ns } from './brand.js';
import type { Clock, Timespec } from './clock.js';

export class ShiftedClock implements Clock {
  #shiftNs = 0;

  constructor(readonly source: Clock) {}

  monotonic(): Ns {
    return (this.source.monotonic() + this.#shiftNs) as Ns;
  }

  realtime(): Timespec {
    return this.source.realtime();
  }

  /** It is this time now. */
  set(monotonicNs: number): void {
    this.#shiftNs = monotonicNs - this.source.monotonic();
  }
}
