/**
 * POSIX timers, timer_create(2); kernel/time/posix-timers.c.
 *
 * Owner: a thread group; fork does not copy them, execve and the end of the group delete them. As in
 * Linux a periodic timer whose signal waits is not armed anew before that signal is taken: what ran out
 * meanwhile is counted as overrun, in the siginfo and by timer_getoverrun(2).
 */
import { SI, SIGEV } from '../../abi/signal.js';
import { NS_PER_SEC, type Timespec } from '../../base/clock.js';
import type { KernelServices } from '../services.js';
import { sendToGroup, sendToTask } from '../signal/send.js';
import type { SignalInfo, SignalValue } from '../signal/siginfo.js';
import { eventBase } from '../task/event-base.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { deadlineOf, nsOf } from './clocks.js';
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
  #intervalNs = 0;
  /** In the time of its clock (monotonic for wall clocks); undefined: not armed. */
  #deadlineNs: number | undefined;
  /** Its signal was sent and not taken yet. */
  #pending = false;
  #overrun = 0;
  #lastOverrun = 0;
  /** Moves on when it is set anew: a signal of an earlier setting arms nothing. */
  #setting = 0;
  #cancel: (() => void) | undefined;
  readonly #alarm: CpuAlarm | undefined;

  constructor(
    readonly kernel: KernelServices,
    readonly group: ThreadGroup,
    readonly id: number,
    readonly clock: TimerClock,
    readonly request: TimerRequest,
  ) {
    if (clock.cpu) this.#alarm = new CpuAlarm(kernel, clock.cpu);
  }

  /** timer_settime(2); the result is what was left of the setting before. */
  set(value: Timespec, interval: Timespec, base: 'relative' | 'absolute'): TimerTime {
    const before = this.get();
    this.stop();
    this.#setting++;
    this.#pending = false;
    this.#overrun = 0;
    this.#lastOverrun = 0;
    this.#intervalNs = nsOf(interval);
    this.#deadlineNs = undefined;
    if (value.sec !== 0 || value.nsec !== 0) {
      this.#arm(base === 'relative' ? this.#now() + nsOf(value) : this.#instantOf(value));
    }
    this.#tellSet();
    return before;
  }

  /** timer_gettime(2) */
  get(): TimerTime {
    if (this.#deadlineNs === undefined) return { remainingNs: 0, intervalNs: this.#intervalNs };
    const now = this.#now();
    let due = this.#deadlineNs;
    if (due <= now && this.#intervalNs > 0) due += this.#periods(due, now) * this.#intervalNs;
    // One that runs no more has nothing left; one that is due but not told of yet still runs.
    const least = this.request.notify === SIGEV.NONE ? 0 : 1;
    return { remainingNs: Math.max(least, due - now), intervalNs: this.#intervalNs };
  }

  get overrun(): number {
    return Math.min(this.#lastOverrun, MAX_OVERRUN);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#alarm?.cancel();
  }

  #arm(deadlineNs: number): void {
    this.#deadlineNs = deadlineNs;
    if (this.request.notify === SIGEV.NONE) return;
    const expired = (): void => this.#expired();
    if (this.#alarm) this.#alarm.set(deadlineNs, expired);
    else this.#cancel = this.kernel.timers.at(deadlineNs, expired);
  }

  #tellSet(): void {
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

  #expired(): void {
    this.#cancel = undefined;
    const { events } = this.kernel;
    if (events.wants('timerExpired')) {
      events.emit({ ...eventBase(this.group.leader), type: 'timerExpired', timer: 'posix', id: this.id });
    }
    const { request, group } = this;
    if (request.thread?.state.name === 'dead' && request.thread !== group.leader) return;
    if (this.#isIgnored()) {
      this.#rearm(IGNORED_PERIOD_NS);
      return;
    }
    this.#pending = true;
    if (this.#intervalNs === 0) this.#deadlineNs = undefined;
    const setting = this.#setting;
    const info: SignalInfo = {
      signo: request.signo,
      code: SI.TIMER,
      kind: 'timer',
      timerId: this.id,
      overrun: 0,
      value: request.value,
      taken: (one) => this.#taken(one, setting),
    };
    const sent = request.thread ? sendToTask(request.thread, info) : sendToGroup(group, info);
    if (!sent) this.#rearm(IGNORED_PERIOD_NS);
  }

  #isIgnored(): boolean {
    const { group, request } = this;
    return group.actions.ignores(request.signo) && !group.leader.tracee;
  }

  /** Its signal is about to be delivered: the next period begins, and the missed ones are told. */
  #taken(info: SignalInfo, setting: number): SignalInfo {
    if (info.kind !== 'timer' || setting !== this.#setting || !this.#pending) return info;
    this.#pending = false;
    this.#overrun = 0;
    if (this.#intervalNs > 0) this.#rearm(0);
    this.#lastOverrun = this.#overrun;
    return { ...info, overrun: this.overrun };
  }

  #rearm(leastNs: number): void {
    if (this.#intervalNs === 0 || this.#deadlineNs === undefined) {
      this.#deadlineNs = undefined;
      return;
    }
    const now = this.#now() + leastNs;
    const periods = Math.max(1, this.#periods(this.#deadlineNs, now));
    this.#overrun += periods - 1;
    this.#arm(this.#deadlineNs + periods * this.#intervalNs);
  }

  /** Periods to go from `due` until it lies after `now`. */
  #periods(due: number, now: number): number {
    return due > now ? 0 : Math.floor((now - due) / this.#intervalNs) + 1;
  }

  #now(): number {
    return this.clock.cpu ? (this.clock.cpu() ?? 0) : this.kernel.clock.monotonic();
  }

  #instantOf(time: Timespec): number {
    return this.clock.cpu ? time.sec * NS_PER_SEC + time.nsec : deadlineOf(this.kernel, this.clock.id, time);
  }
}

/** The timers of a group, by number. */
export class PosixTimers {
  readonly #timers = new Map<number, PosixTimer>();
  #next = 0;

  /** Takes the next number. */
  add(make: (id: number) => PosixTimer): PosixTimer {
    const timer = make(this.#next++);
    this.#timers.set(timer.id, timer);
    return timer;
  }

  get(id: number): PosixTimer | undefined {
    return this.#timers.get(id);
  }

  get size(): number {
    return this.#timers.size;
  }

  delete(id: number): boolean {
    this.#timers.get(id)?.stop();
    return this.#timers.delete(id);
  }

  clear(): void {
    for (const timer of this.#timers.values()) timer.stop();
    this.#timers.clear();
    this.#next = 0;
  }
}
