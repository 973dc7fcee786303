/**
 * Signals that say that a file became ready: O_ASYNC, F_SETOWN, F_SETSIG of fcntl(2); fs/fcntl.c
 * (send_sigio), POSIX's SIGIO.
 *
 * Owner: the file description; it goes with it.
 */

import { FASYNC } from '../../abi/open.js';
import { POLL, SIG } from '../../abi/signal.js';
import type { Credentials } from '../auth/credentials.js';
import { SideTable } from '../side-table.js';
import { sendToGroup, sendToTask } from '../signal/send.js';
import { kernelSignal, type SignalInfo } from '../signal/siginfo.js';
import type { Task } from '../task/task.js';
import type { TaskSet } from '../task/task-set.js';
import { ERR, HUP, IN, MSG, OUT, PRI, RDBAND, RDNORM, WRBAND, WRNORM } from '../wait.js';
import type { FileDescription } from './file-description.js';

export const F_OWNER_TID = 0;
export const F_OWNER_PID = 1;
export const F_OWNER_PGRP = 2;

export class AsyncOwner {
  static readonly unsaved = ['_stop'];
  type = F_OWNER_PID;
  /** 0: nobody. */
  pid = 0;
  /** F_SETSIG; 0: a plain SIGIO. */
  signo = 0;
  /** Of who named the owner: it may send him signals or not. */
  creds: Credentials | undefined;
  /** The descriptor that asked for O_ASYNC: si_fd. */
  fd = -1;
  private _stop: (() => void) | undefined;

  constructor(
    readonly file: FileDescription,
    readonly tasks: TaskSet,
  ) {}

  setOwner(task: Task, type: number, pid: number): void {
    this.type = type;
    this.pid = pid;
    this.creds = task.creds;
  }

  /** O_ASYNC is on. */
  start(fd: number): void {
    this.fd = fd;
    this._stop ??= this.file.listen(IN | OUT | PRI | ERR | HUP, (events) => this._tell(events));
    this.file.whenClosed(() => this.stop());
  }

  restored(): void {
    if (this.file.flags & FASYNC) this.start(this.fd);
  }

  stop(): void {
    this._stop?.();
    this._stop = undefined;
  }

  private _tell(events: number): void {
    if (this.pid === 0) return;
    const info = this.signo === 0 ? kernelSignal(SIG.IO) : this._about(events);
    const { tasks, pid } = this;
    if (this.type === F_OWNER_TID) {
      const task = tasks.byTid(pid);
      if (task && this._maySend(task)) sendToTask(task, info);
      return;
    }
    const group = tasks.byPid(pid);
    const groups = this.type === F_OWNER_PGRP ? [...tasks.processGroup(pid)] : group ? [group] : [];
    for (const g of groups) {
      // As in Linux, a queue that is full gets a plain SIGIO instead.
      if (this._maySend(g.leader) && !sendToGroup(g, info)) sendToGroup(g, kernelSignal(SIG.IO));
    }
  }

  private _about(events: number): SignalInfo {
    const { signo, fd } = this;
    const say = (code: number, band: number): SignalInfo => ({ signo, code, kind: 'poll', band, fd });
    if (events & HUP) return say(POLL.HUP, HUP | ERR);
    if (events & ERR) return say(POLL.ERR, ERR);
    if (events & IN) return say(POLL.IN, IN | RDNORM);
    if (events & PRI) return say(POLL.PRI, PRI | RDBAND);
    return events & MSG ? say(POLL.MSG, IN | RDNORM | MSG) : say(POLL.OUT, OUT | WRNORM | WRBAND);
  }

  /** sigio_perm */
  private _maySend(target: Task): boolean {
    const mine = this.creds;
    if (!mine) return false;
    const { suid, uid } = target.creds;
    return mine.euid === 0 || [mine.euid, mine.uid].some((id) => id === suid || id === uid);
  }
}

const owners = new SideTable<FileDescription, AsyncOwner>('asynchronous I/O');

export function asyncOwnerOf(task: Task, file: FileDescription): AsyncOwner {
  let owner = owners.get(file);
  if (!owner) {
    owner = new AsyncOwner(file, task.kernel.tasks);
    owners.set(file, owner);
  }
  return owner;
}
