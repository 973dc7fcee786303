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
  protected readonly kind = 'timerfd';
  /** Monotonic instant of the next (or, while `#expired`, of the first uncounted) expiration. */
  #dueNs: number | undefined;
  #intervalNs = 0;
  /** Expirations counted and not read. */
  #ticks = 0;
  #expired = false;
  #cancel: (() => void) | undefined;

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
    this.#cancel?.();
    this.#cancel = undefined;
    this.#ticks = 0;
    this.#expired = false;
    this.#intervalNs = toNs(setting.interval);
    const { value } = setting;
    if (value.sec === 0 && value.nsec === 0) this.#dueNs = undefined;
    else this.#arm(base === 'absolute' ? this.#monotonicOf(value) : this.#now() + toNs(value));
    this.#tellSet();
    return before;
  }

  /** timerfd_gettime(2): the time until the next expiration, and the interval. */
  get(): TimerSetting {
    this.#settle();
    if (this.#expired && this.#intervalNs > 0) this.#catchUp();
    // A timer that is armed and due shows one nanosecond: zero would mean disarmed.
    const left = this.#dueNs === undefined ? 0 : Math.max(1, this.#dueNs - this.#now());
    return { value: fromNs(left), interval: fromNs(this.#intervalNs) };
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    if (to.remaining < 8) return fail(E.EINVAL);
    this.#settle();
    if (this.#ticks === 0) return WOULD_BLOCK;
    if (this.#expired && this.#intervalNs > 0) this.#catchUp();
    const ticks = this.#ticks;
    this.#ticks = 0;
    this.#expired = false;
    return putU64(to, BigInt(ticks));
  }

  override readiness(): number {
    this.#settle();
    return this.#ticks > 0 ? IN | RDNORM : 0;
  }

  override fdinfo(): string {
    const show = (t: Timespec): string => `(${t.sec}, ${t.nsec})`;
    const { value, interval } = this.get();
    return (
      `clockid: ${this.clockId}\nticks: ${this.#ticks}\nsettime flags: 00\n` +
      `it_value: ${show(value)}\nit_interval: ${show(interval)}\n`
    );
  }

  protected override onClose(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(dueNs: number): void {
    this.#dueNs = dueNs;
    this.#cancel = this.services.timers.at(dueNs, () => this.#fire());
  }

  /** Fires now what is due, though the shard's reactor has not come to it. */
  #settle(): void {
    if (!this.#cancel || this.#dueNs === undefined || this.#dueNs > this.#now()) return;
    this.#cancel();
    this.#fire();
  }

  #tellSet(): void {
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
      intervalNs: this.#intervalNs,
    });
  }

  #fire(): void {
    this.#cancel = undefined;
    const { events } = this.services;
    if (events.wants('timerExpired')) {
      events.emit({ ...kernelEventBase(this.services), type: 'timerExpired', timer: 'timerfd', id: 0 });
    }
    this.#expired = true;
    this.#ticks++;
    if (this.#intervalNs === 0) this.#dueNs = undefined;
    this.queue.notify(IN | RDNORM);
  }

  /** Counts the intervals that passed since the timer fired, and arms it for the next one. */
  #catchUp(): void {
    const due = this.#dueNs ?? this.#now();
    const passed = Math.max(1, Math.floor((this.#now() - due) / this.#intervalNs) + 1);
    this.#ticks += passed - 1;
    this.#expired = false;
    this.#arm(due + passed * this.#intervalNs);
  }

  #now(): number {
    return this.services.clock.monotonic();
  }

  /** The monotonic instant at which the timer's own clock shows `at`. */
  #monotonicOf(at: Timespec): number {
    if (this.clockId !== CLOCK_REALTIME && this.clockId !== CLOCK_REALTIME_ALARM) return toNs(at);
    const now = this.services.clock.realtime();
    return this.#now() + toNs({ sec: at.sec - now.sec, nsec: at.nsec - now.nsec });
  }
}
