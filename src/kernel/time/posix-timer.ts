/**
 * POSIX timers, timer_create(2); kernel/time/posix-timers.c.
 *
 * Owner: a thread group; fork does not copy them, execve and the end of the group delete them. As in
 * Linux a periodic timer whose signal waits is not armed anew before that signal is taken: what ran out
 * meanwhile is counted as overrun, in the siginfo and by timer_getoverrun(2).
 */

import { SI, SIGEV } from '../../abi/signal.js';
import { CLOCK_THREAD_CPUTIME_ID } from '../../abi/time.js';
import { NS_PER_SEC, type Timespec } from '../../base/clock.js';
import { membersOf, type SaveWalk } from '../save/graph.js';
import type { KernelServices } from '../services.js';
import { sendToGroup, sendToTask } from '../signal/send.js';
import type { SignalInfo, SignalValue } from '../signal/siginfo.js';
import { eventBase } from '../task/event-base.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { cpuClockReader, deadlineOf, nsOf } from './clocks.js';
import { CpuAlarm } from './cpu-alarm.js';

const MAX_OVERRUN = 0x7fff_ffff;
/** A timer whose signal is ignored still runs, but no oftener than this. */
const IGNORED_PERIOD_NS = 4_000_000;

export interface TimerRequest {
  readonly notify: number;
  readonly signo: number;
  readonly value: SignalValue;
  /** SIGEV_THREAD_ID */
  readonly thread: Task | undefined;
}

export interface TimerTime {
  /** Nanoseconds until it runs out, 0: never; and from then on. */
  readonly remainingNs: number;
  readonly intervalNs: number;
}

/** What a timer counts by: the monotonic clock, or one of CPU time. */
export interface TimerClock {
  readonly id: number;
  /** Undefined for clocks that follow the monotonic one. */
  readonly cpu: (() => number | undefined) | undefined;
}

export class PosixTimer {
  private _intervalNs = 0;
  /** In the time of its clock (monotonic for wall clocks); undefined: not armed. */
  private _deadlineNs: number | undefined;
  /** Its signal was sent and not taken yet. */
  private _pending = false;
  private _overrun = 0;
  private _lastOverrun = 0;
  /** Moves on when it is set anew: a signal of an earlier setting arms nothing. */
  private _setting = 0;
  private _cancel: (() => void) | undefined;
  private _alarm: CpuAlarm | undefined;

  constructor(
    readonly kernel: KernelServices,
    readonly group: ThreadGroup,
    readonly id: number,
    public clock: TimerClock,
    readonly request: TimerRequest,
  ) {
    if (clock.cpu) this._alarm = new CpuAlarm(kernel, clock.cpu);
  }

  /** timer_settime(2); the result is what was left of the setting before. */
  set(value: Timespec, interval: Timespec, base: 'relative' | 'absolute'): TimerTime {
    const before = this.get();
    this.stop();
    this._setting++;
    this._pending = false;
    this._overrun = 0;
    this._lastOverrun = 0;
    this._intervalNs = nsOf(interval);
    this._deadlineNs = undefined;
    if (value.sec !== 0 || value.nsec !== 0) {
      this._arm(base === 'relative' ? this._now() + nsOf(value) : this._instantOf(value));
    }
    this._tellSet();
    return before;
  }

  /** timer_gettime(2) */
  get(): TimerTime {
    if (this._deadlineNs === undefined) return { remainingNs: 0, intervalNs: this._intervalNs };
    const now = this._now();
    let due = this._deadlineNs;
    if (due <= now && this._intervalNs > 0) due += this._periods(due, now) * this._intervalNs;
    // One that runs no more has nothing left; one that is due but not told of yet still runs.
    const least = this.request.notify === SIGEV.NONE ? 0 : 1;
    return { remainingNs: Math.max(least, due - now), intervalNs: this._intervalNs };
  }

  get overrun(): number {
    return Math.min(this._lastOverrun, MAX_OVERRUN);
  }

  stop(): void {
    this._cancel?.();
    this._cancel = undefined;
    this._alarm?.cancel();
  }

  toSaved(save: SaveWalk): Record<string, unknown> {
    const { id } = this.clock;
    if (id === CLOCK_THREAD_CPUTIME_ID) save.refuse('a timer of the CPU time of one thread cannot be saved');
    return { ...membersOf(this, ['_cancel', '_alarm']), clock: { id, cpu: undefined } };
  }

  fromSaved(saved: Record<string, unknown>): void {
    Object.assign(this, saved);
  }

  restored(): void {
    const { id } = this.clock;
    const cpu = cpuClockReader(this.group.leader, id);
    this.clock = { id, cpu };
    if (cpu) this._alarm = new CpuAlarm(this.kernel, cpu);
    if (this._deadlineNs !== undefined && !this._pending) this._arm(this._deadlineNs);
  }

  private _arm(deadlineNs: number): void {
    this._deadlineNs = deadlineNs;
    if (this.request.notify === SIGEV.NONE) return;
    const expired = (): void => this._expired();
    if (this._alarm) this._alarm.set(deadlineNs, expired);
    else this._cancel = this.kernel.timers.at(deadlineNs, expired);
  }

  private _tellSet(): void {
    const { events } = this.kernel;
    if (!events.wants('timerSet')) return;
    events.emit({
      ...eventBase(this.group.leader),
      type: 'timerSet',
      timer: 'posix',
      id: this.id,
      ...this.get(),
    });
  }

  private _expired(): void {
    this._cancel = undefined;
    const { events } = this.kernel;
    if (events.wants('timerExpired')) {
      events.emit({ ...eventBase(this.group.leader), type: 'timerExpired', timer: 'posix', id: this.id });
    }
    const { request, group } = this;
    if (request.thread?.state.name === 'dead' && request.thread !== group.leader) return;
    if (this._isIgnored()) {
      this._rearm(IGNORED_PERIOD_NS);
      return;
    }
    this._pending = true;
    if (this._intervalNs === 0) this._deadlineNs = undefined;
    const info: SignalInfo = {
      signo: request.signo,
      code: SI.TIMER,
      kind: 'timer',
      timerId: this.id,
      overrun: 0,
      value: request.value,
      timer: this,
      setting: this._setting,
    };
    const sent = request.thread ? sendToTask(request.thread, info) : sendToGroup(group, info);
    if (!sent) this._rearm(IGNORED_PERIOD_NS);
  }

  private _isIgnored(): boolean {
    const { group, request } = this;
    return group.actions.ignores(request.signo) && !group.leader.tracee;
  }

  /** Its signal is about to be delivered: the next period begins, and the missed ones are told. */
  taken(info: SignalInfo, setting: number): SignalInfo {
    if (info.kind !== 'timer' || setting !== this._setting || !this._pending) return info;
    this._pending = false;
    this._overrun = 0;
    if (this._intervalNs > 0) this._rearm(0);
    this._lastOverrun = this._overrun;
    return { ...info, overrun: this.overrun };
  }

  private _rearm(leastNs: number): void {
    if (this._intervalNs === 0 || this._deadlineNs === undefined) {
      this._deadlineNs = undefined;
      return;
    }
    const now = this._now() + leastNs;
    const periods = Math.max(1, this._periods(this._deadlineNs, now));
    this._overrun += periods - 1;
    this._arm(this._deadlineNs + periods * this._intervalNs);
  }

  /** Periods to go from `due` until it lies after `now`. */
  private _periods(due: number, now: number): number {
    return due > now ? 0 : Math.floor((now - due) / this._intervalNs) + 1;
  }

  private _now(): number {
    return this.clock.cpu ? (this.clock.cpu() ?? 0) : this.kernel.clock.monotonic();
  }

  private _instantOf(time: Timespec): number {
    return this.clock.cpu ? time.sec * NS_PER_SEC + time.nsec : deadlineOf(this.kernel, this.clock.id, time);
  }
}

/** The timers of a group, by number. */
export class PosixTimers {
  private readonly _timers = new Map<number, PosixTimer>();
  private _next = 0;

  /** Takes the next number. */
  add(make: (id: number) => PosixTimer): PosixTimer {
    const timer = make(this._next++);
    this._timers.set(timer.id, timer);
    return timer;
  }

  get(id: number): PosixTimer | undefined {
    return this._timers.get(id);
  }

  get size(): number {
    return this._timers.size;
  }

  delete(id: number): boolean {
    this._timers.get(id)?.stop();
    return this._timers.delete(id);
  }

  clear(): void {
    for (const timer of this._timers.values()) timer.stop();
    this._timers.clear();
    this._next = 0;
  }
}
