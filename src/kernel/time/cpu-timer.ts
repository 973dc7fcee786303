/**
 * ITIMER_VIRTUAL and ITIMER_PROF of setitimer(2), and RLIMIT_CPU of getrlimit(2): what happens to a
 * thread group by the CPU time that it uses.
 */
import { RLIMIT } from '../../abi/resource.js';
import { SIG } from '../../abi/signal.js';
import { NS_PER_SEC } from '../../base/clock.js';
import type { KernelServices } from '../services.js';
import type { RealTimer } from '../signal/real-timer.js';
import { sendToGroup } from '../signal/send.js';
import { kernelSignal } from '../signal/siginfo.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { CpuAlarm } from './cpu-alarm.js';

export class CpuTimer {
  static readonly unsaved = ['_alarm'];
  private _deadlineNs: number | undefined;
  private _intervalNs = 0;
  private _alarm: CpuAlarm;

  constructor(
    readonly kernel: KernelServices,
    readonly group: ThreadGroup,
    readonly which: 'virtual' | 'prof',
  ) {
    this._alarm = this._newAlarm();
  }

  restored(): void {
    this._alarm = this._newAlarm();
    if (this._deadlineNs !== undefined) this._arm(this._deadlineNs);
  }

  private _newAlarm(): CpuAlarm {
    return new CpuAlarm(this.kernel, () => (this.group.isZombie ? undefined : this._read()));
  }

  private _read(): number {
    const { user, system } = this.group.cpuTime();
    return this.which === 'virtual' ? user : user + system;
  }

  get(): RealTimer {
    if (this._deadlineNs === undefined) return { remainingNs: 0, intervalNs: this._intervalNs };
    return { remainingNs: Math.max(1000, this._deadlineNs - this._read()), intervalNs: this._intervalNs };
  }

  set(next: RealTimer): RealTimer {
    const before = this.get();
    this.cancel();
    this._intervalNs = next.intervalNs;
    if (next.remainingNs > 0) this._arm(this._read() + next.remainingNs);
    return before;
  }

  cancel(): void {
    this._deadlineNs = undefined;
    this._alarm.cancel();
  }

  private _arm(deadlineNs: number): void {
    this._deadlineNs = deadlineNs;
    this._alarm.set(deadlineNs, () => {
      this._deadlineNs = undefined;
      if (this._intervalNs > 0) this._arm(Math.max(deadlineNs, this._read()) + this._intervalNs);
      sendToGroup(this.group, kernelSignal(this.which === 'virtual' ? SIG.VTALRM : SIG.PROF));
    });
  }
}

/** The CPU timer of a group, made when it is first set. */
export function cpuTimerOf(kernel: KernelServices, group: ThreadGroup, which: CpuTimer['which']): CpuTimer {
  const known = group.cpuTimers[which];
  if (known) return known;
  const made = new CpuTimer(kernel, group, which);
  group.cpuTimers[which] = made;
  return made;
}

/** RLIMIT_CPU: SIGXCPU at the soft limit and each second after, SIGKILL at the hard one. */
export function watchCpuLimit(kernel: KernelServices, group: ThreadGroup): void {
  group.cpuLimit?.cancel();
  group.cpuLimit = undefined;
  const softNs = group.limits.number(RLIMIT.CPU) * NS_PER_SEC;
  if (softNs === Number.POSITIVE_INFINITY) return;
  const read = (): number => {
    const { user, system } = group.cpuTime();
    return user + system;
  };
  const alarm = new CpuAlarm(kernel, () => (group.isZombie ? undefined : read()));
  group.cpuLimit = alarm;
  // A limit of nothing is one of a second (setrlimit(2)).
  const check = (): void => {
    const hardNs = Number(group.limits.get(RLIMIT.CPU).hard) * NS_PER_SEC;
    const now = read();
    if (now >= hardNs) {
      sendToGroup(group, kernelSignal(SIG.KILL));
      return;
    }
    sendToGroup(group, kernelSignal(SIG.XCPU));
    alarm.set(Math.min(now + NS_PER_SEC, hardNs), check);
  };
  alarm.set(Math.max(softNs, NS_PER_SEC), check);
}

/** The group ends: nothing looks at its clock any more. */
export function cancelCpuTimers(group: ThreadGroup): void {
  group.cpuTimers.virtual?.cancel();
  group.cpuTimers.prof?.cancel();
  group.cpuLimit?.cancel();
  group.cpuLimit = undefined;
}
