/**
 * The signals that wait for bodies, as signalfds at home show them (signalfd(2)): a copy a process, which its body
 * keeps up to date once it is watched. What is read from a signalfd is taken here and then there.
 *
 * The body tells of every change before a guest of the process goes on, and home hears that before the guest's
 * next call. What was told before the body knew of the last signal taken is out of date, and passed over. A signal
 * that one thread reads while another one lets it through may reach both.
 */
import type { SignalMask } from '../signal/mask.js';
import { PendingSignals } from '../signal/pending.js';
import type { SignalInfo } from '../signal/siginfo.js';
import type { Task } from '../task/task.js';
import type { ThreadGroup } from '../task/thread-group.js';
import { IN } from '../wait.js';
import type { FromHome, ToHome } from './conversation.js';

interface Copy {
  group: PendingSignals;
  /** By thread. */
  readonly own: Map<number, PendingSignals>;
  /** Signals that were read here. */
  taken: number;
}

/** The home's end. */
export class ShownSignals {
  private readonly _copies = new Map<ThreadGroup, Copy>();

  constructor(readonly tell: (group: ThreadGroup, message: FromHome) => void) {}

  /** The process's body is to tell of its signals from now on; those that wait already follow at once. */
  watch(group: ThreadGroup): void {
    if (this._copies.has(group)) return;
    this._copies.set(group, { group: new PendingSignals(), own: new Map(), taken: 0 });
    this.tell(group, { type: 'watchSignals', pid: group.pid });
  }

  isWatched(group: ThreadGroup): boolean {
    return this._copies.has(group);
  }

  forget(group: ThreadGroup): void {
    this._copies.delete(group);
  }

  /** Whether something waits for the task that `others` does not hold back. */
  any({ group, tid }: Task, others: SignalMask): boolean {
    this.watch(group);
    const copy = this._copies.get(group);
    return copy?.own.get(tid)?.anyBeyond(others) === true || copy?.group.anyBeyond(others) === true;
  }

  take({ group, tid }: Task, others: SignalMask): SignalInfo | undefined {
    this.watch(group);
    const copy = this._copies.get(group);
    if (!copy) return undefined;
    const own = copy.own.get(tid)?.take(others);
    const info = own ?? copy.group.take(others);
    if (!info) return undefined;
    copy.taken++;
    this.tell(group, { type: 'signalTaken', pid: group.pid, tid: own ? tid : 0, signo: info.signo });
    return info;
  }

  receive(group: ThreadGroup, { taken, pending }: Extract<ToHome, { type: 'pending' }>): void {
    const copy = this._copies.get(group);
    if (!copy || taken !== copy.taken) return;
    copy.group = new PendingSignals();
    copy.own.clear();
    for (const { tid, infos } of pending) {
      const queue = new PendingSignals();
      for (const info of infos) queue.add(info, Number.POSITIVE_INFINITY);
      if (tid === 0) copy.group = queue;
      else copy.own.set(tid, queue);
    }
    group.signalQueue.notify(IN);
  }
}

interface Watched {
  /** `changes` of each of its queues when it was told of them last. */
  told: string;
  taken: number;
  readonly unlisten: () => void;
}

/** The body's end. */
export class WatchedSignals {
  private readonly _watched = new Map<ThreadGroup, Watched>();

  constructor(readonly tell: (message: ToHome) => void) {}

  watch(group: ThreadGroup): void {
    if (this._watched.has(group)) return;
    const unlisten = group.signalQueue.listen(IN, () => this.look(group));
    this._watched.set(group, { told: '', taken: 0, unlisten });
    this.look(group);
  }

  forget(group: ThreadGroup): void {
    this._watched.get(group)?.unlisten();
    this._watched.delete(group);
  }

  /** Tells of the signals that wait, if they are others than those told of last. */
  look(group: ThreadGroup): void {
    if (this._watched.size === 0) return;
    const watched = this._watched.get(group);
    if (!watched) return;
    let changes = `${group.pending.changes}`;
    for (const { tid, pending } of group.tasks) changes += ` ${tid}:${pending.changes}`;
    if (changes === watched.told) return;
    watched.told = changes;
    const pending = [{ tid: 0, infos: plain(group.pending) }];
    for (const { tid, pending: own } of group.tasks) if (!own.empty) pending.push({ tid, infos: plain(own) });
    this.tell({ type: 'pending', pid: group.pid, taken: watched.taken, pending });
  }

  /** One was read from a signalfd. */
  taken(group: ThreadGroup, queue: PendingSignals | undefined, signo: number): void {
    const watched = this._watched.get(group);
    if (!watched) return;
    watched.taken++;
    watched.told = '';
    const info = queue?.takeOne(signo);
    if (info?.kind === 'timer') info.timer?.taken(info, info.setting);
    this.look(group);
  }
}

/** Without the timers that they come from. */
function plain(pending: PendingSignals): SignalInfo[] {
  return pending.list().map((info) => {
    if (info.kind !== 'timer') return info;
    const { timer: _timer, ...shown } = info;
    return shown;
  });
}
