/**
 * One entry of an epoll's interest list: a descriptor number and the description behind it, what is
 * wanted of it, and the caller's data. Models struct epitem of Linux's fs/eventpoll.c.
 */
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, EPOLLWAKEUP } from '../../../abi/poll.js';
import { ERR, HUP } from '../../wait.js';
import type { FileDescription } from '../file-description.js';

const PRIVATE_BITS = (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE) >>> 0;

/** What epoll_ctl(2) is told: events, and 64 bits of data as two halves. */
export interface Interest {
  readonly events: number;
  readonly dataLo: number;
  readonly dataHi: number;
}

export class EpollItem {
  static readonly unsaved = ['_stops'];
  private _stops: (() => void)[] | undefined;
  events = 0;
  dataLo = 0;
  dataHi = 0;

  constructor(
    readonly fd: number,
    readonly file: FileDescription,
  ) {}

  set(interest: Interest): void {
    this.events = (interest.events | ERR | HUP) >>> 0;
    this.dataLo = interest.dataLo;
    this.dataHi = interest.dataHi;
  }

  /** What ends with this entry. */
  defer(stop: () => void): void {
    this._stops ??= [];
    this._stops.push(stop);
  }

  detach(): void {
    for (const stop of this._stops ?? []) stop();
    this._stops = undefined;
  }

  get edgeTriggered(): boolean {
    return (this.events & EPOLLET) !== 0;
  }
  get oneShot(): boolean {
    return (this.events & EPOLLONESHOT) !== 0;
  }
  get exclusive(): boolean {
    return (this.events & EPOLLEXCLUSIVE) !== 0;
  }
  /** A one-shot entry that has fired stays silent until EPOLL_CTL_MOD. */
  get disabled(): boolean {
    return (this.events & ~PRIVATE_BITS) === 0;
  }
  disable(): void {
    this.events = (this.events & PRIVATE_BITS) >>> 0;
  }

  /** Whether a notification of these events is this entry's business. */
  wants(events: number): boolean {
    return !this.disabled && (events & this.events) !== 0;
  }

  /** The wanted events that hold now. */
  ready(): number {
    return this.disabled ? 0 : this.file.readiness() & this.events & ~PRIVATE_BITS;
  }
}
