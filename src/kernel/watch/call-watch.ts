/**
 * Who wants to know of which system calls, and who may change what they do: one object a shard, part of
 * its services. The way from a trap to its handler looks at `interest` and at nothing else; where that is
 * 0, watching costs one load.
 */
import { NR_END } from '../../abi/numbers.js';
import type { EventFilter } from './event-filter.js';
import type { Interceptor } from './interceptor.js';

export class CallWatch {
  /** By number: 0 where nobody cares. */
  readonly interest = new Uint8Array(NR_END);
  private _filters: readonly EventFilter[] = [];
  private _interceptors: readonly Interceptor[] = [];

  /** Whoever observes and unsubscribes keeps it true to that. */
  set filters(filters: readonly EventFilter[]) {
    this._filters = filters;
    this._update();
  }

  /** In the order in which they are asked. */
  get interceptors(): readonly Interceptor[] {
    return this._interceptors;
  }

  set interceptors(interceptors: readonly Interceptor[]) {
    this._interceptors = interceptors;
    this._update();
  }

  /** Whether the call may make an event that somebody wants; files it names count where they are given. */
  isObserved(sysno: number, pid: number, paths?: readonly string[]): boolean {
    return this._filters.some((filter) => filter.wantsCall(sysno, pid, paths));
  }

  get byPath(): boolean {
    return this._filters.some((filter) => filter.byPath);
  }

  private _update(): void {
    this.interest.fill(0);
    for (const wanted of [...this._filters, ...this._interceptors]) {
      wanted.calls.forEach((one, n) => {
        if (one) this.interest[n] = 1;
      });
    }
  }
}
