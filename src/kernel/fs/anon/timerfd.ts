/**
 * timerfd_create(2): a timer whose expirations are read as a count. Models Linux's fs/timerfd.c: an
 * interval timer that has expired is not armed again before somebody looks (read or gettime), who
 * then counts the intervals that passed.
 *
 * Owner: its home shard, which also fires its timer.
 */
import { E } from '../../../abi/errno.js';
import { CLOCK_REALTIME, CLOCK_REALTIME_ALARM } from '../../../abi/time.js';
import { NS_PER_SEC, type Timespec } from '../../../base/clock.js';
import { fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { eventBase, kernelEventBase } from '../../task/event-base.js';
import { IN, RDNORM, WOULD_BLOCK } from '../../wait.js';
import type { Tried } from '../file-description.js';
import type { Sink } from '../io.js';
import { AnonFile } from './anon-file.js';
import { putU64 } from './words.js';

export interface TimerSetting {
  readonly interval: Timespec;
  readonly value: Timespec;
}

const toNs = (t: Timespec): number => t.sec * NS_PER_SEC + t.nsec;
const fromNs = (n: number): Timespec => ({ sec: Math.floor(n / NS_PER_SEC), nsec: n % NS_PER_SEC });

export class TimerFile extends AnonFile {
  static override readonly unsaved = [...AnonFile.unsaved, '_cancel'];
  protected readonly kind = 'timerfd';
  /** Monotonic instant of the next (or, while `_expired`, of the first uncounted) expiration. */
  private _dueNs: number | undefined;
  private _intervalNs = 0;
  /** Expirations counted and not read. */
  private _ticks = 0;
  private _expired = false;
  private _cancel: (() => void) | undefined;

  constructor(
    services: KernelServices,
    flags: number,
    readonly clockId: number,
  ) {
    super(services, flags);
  }

  /** timerfd_settime(2): arms, or disarms when `value` is zero. The setting before is the result. */
  set(setting: TimerSetting, base: 'relative' | 'absolute'): TimerSetting {
    const before = this.get();
    this._cancel?.();
    this._cancel = undefined;
    this._ticks = 0;
    this._expired = false;
    this._intervalNs = toNs(setting.interval);
    const { value } = setting;
    if (value.sec === 0 && value.nsec === 0) this._dueNs = undefined;
    else this._arm(base === 'absolute' ? this._monotonicOf(value) : this._now() + toNs(value));
    this._tellSet();
    return before;
  }

  /** timerfd_gettime(2): the time until the next expiration, and the interval. */
  get(): TimerSetting {
    this._settle();
    if (this._expired && this._intervalNs > 0) this._catchUp();
    // A timer that is armed and due shows one nanosecond: zero would mean disarmed.
    const left = this._dueNs === undefined ? 0 : Math.max(1, this._dueNs - this._now());
    return { value: fromNs(left), interval: fromNs(this._intervalNs) };
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    if (to.remaining < 8) return fail(E.EINVAL);
    this._settle();
    if (this._ticks === 0) return WOULD_BLOCK;
    if (this._expired && this._intervalNs > 0) this._catchUp();
    const ticks = this._ticks;
    this._ticks = 0;
    this._expired = false;
    return putU64(to, BigInt(ticks));
  }

  override readiness(): number {
    this._settle();
    return this._ticks > 0 ? IN | RDNORM : 0;
  }

  override fdinfo(): string {
    const show = (t: Timespec): string => `(${t.sec}, ${t.nsec})`;
    const { value, interval } = this.get();
    return (
      `clockid: ${this.clockId}\nticks: ${this._ticks}\nsettime flags: 00\n` +
      `it_value: ${show(value)}\nit_interval: ${show(interval)}\n`
    );
  }

  protected override onClose(): void {
    this._cancel?.();
    this._cancel = undefined;
  }

  restored(): void {
    if (this._dueNs !== undefined && !this._expired) this._arm(this._dueNs);
  }

  private _arm(dueNs: number): void {
    this._dueNs = dueNs;
    this._cancel = this.services.timers.at(dueNs, () => this._fire());
  }

  /** Fires now what is due, though the shard's reactor has not come to it. */
  private _settle(): void {
    if (!this._cancel || this._dueNs === undefined || this._dueNs > this._now()) return;
    this._cancel();
    this._fire();
  }

  private _tellSet(): void {
    const { events, tasks } = this.services;
    if (!events.wants('timerSet')) return;
    const base = tasks.current ? eventBase(tasks.current) : kernelEventBase(this.services);
    const remainingNs = toNs(this.get().value);
    events.emit({
      ...base,
      type: 'timerSet',
      timer: 'timerfd',
      id: 0,
      remainingNs,
      intervalNs: this._intervalNs,
    });
  }

  private _fire(): void {
    this._cancel = undefined;
    const { events } = this.services;
    if (events.wants('timerExpired')) {
      events.emit({ ...kernelEventBase(this.services), type: 'timerExpired', timer: 'timerfd', id: 0 });
    }
    this._expired = true;
    this._ticks++;
    if (this._intervalNs === 0) this._dueNs = undefined;
    this.queue.notify(IN | RDNORM);
  }

  /** Counts the intervals that passed since the timer fired, and arms it for the next one. */
  private _catchUp(): void {
    const due = this._dueNs ?? this._now();
    const passed = Math.max(1, Math.floor((this._now() - due) / this._intervalNs) + 1);
    this._ticks += passed - 1;
    this._expired = false;
    this._arm(due + passed * this._intervalNs);
  }

  private _now(): number {
    return this.services.clock.monotonic();
  }

  /** The monotonic instant at which the timer's own clock shows `at`. */
  private _monotonicOf(at: Timespec): number {
    if (this.clockId !== CLOCK_REALTIME && this.clockId !== CLOCK_REALTIME_ALARM) return toNs(at);
    const now = this.services.clock.realtime();
    return this._now() + toNs({ sec: at.sec - now.sec, nsec: at.nsec - now.nsec });
  }
}
