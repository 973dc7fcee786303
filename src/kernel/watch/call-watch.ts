/**
 * Who wants to know of which system calls, and who may change what they do: one object a shard, part of
 * its services. The way from a trap to its handler looks at `interest` and, where that is not 0, asks
 * `concerns`: watching costs one load where nobody does, and no allocation for a process that nobody watches.
 */
import { NR_END } from '../../abi/numbers.js';
import type { EventFilter } from './event-filter.js';
import type { Interceptor } from './interceptor.js';

export class CallWatch {
  /** By number: 0 where nobody cares. */
  readonly interest = new Uint8Array(NR_END);
  /** By number: 1 where the files that a call names have to be known. */
  readonly namesFiles = new Uint8Array(NR_END);
  /** By number: 1 where some interceptor wants to be asked. */
  private readonly _intercepted = new Uint8Array(NR_END);
  private _byPath = false;
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

  /** Whether this call of this process is watched, as far as numbers say. */
  concerns(sysno: number, pid: number): boolean {
    return this._intercepted[sysno] === 1 || this.isObserved(sysno, pid);
  }

  isIntercepted(sysno: number): boolean {
    return this._intercepted[sysno] === 1;
  }

  /** Whether the call may make an event that somebody wants; files it names count where they are given. */
  isObserved(sysno: number, pid: number, paths?: readonly string[]): boolean {
    for (const filter of this._filters) if (filter.wantsCall(sysno, pid, paths)) return true;
    return false;
  }

  /** Some observer wants files. */
  get byPath(): boolean {
    return this._byPath;
  }

  private _update(): void {
    this._byPath = this._filters.some((filter) => filter.byPath);
    for (const table of [this.interest, this.namesFiles, this._intercepted]) table.fill(0);
    for (const { calls, namesFiles } of this._filters) {
      unite(this.interest, calls);
      unite(this.namesFiles, namesFiles);
    }
    for (const { calls } of this._interceptors) {
      unite(this.interest, calls);
      unite(this._intercepted, calls);
    }
  }
}

function unite(all: Uint8Array, more: Uint8Array): void {
  more.forEach((one, n) => {
    if (one) all[n] = 1;
  });
}
