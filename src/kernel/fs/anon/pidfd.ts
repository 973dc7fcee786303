/**
 * pidfd_open(2): a file that stands for a process, or for one thread of it; kernel/pid.c, fs/pidfs.c.
 * It is readable once the process has ended. The number of the process may be given anew: the file
 * stands for the one it was opened for.
 */
import { O_EXCL, O_RDWR } from '../../../abi/open.js';
import type { KernelServices } from '../../services.js';
import type { Task } from '../../task/task.js';
import type { ThreadGroup } from '../../task/thread-group.js';
import { HUP, IN, RDNORM } from '../../wait.js';
import { AnonFile } from './anon-file.js';

export class PidFile extends AnonFile {
  protected readonly kind = 'pidfd';

  constructor(
    services: KernelServices,
    /** PIDFD_NONBLOCK, PIDFD_THREAD or 0. */
    flags: number,
    readonly group: ThreadGroup,
    /** The thread it is for. */
    readonly task: Task,
  ) {
    super(services, O_RDWR | flags);
    this.restored();
  }

  restored(): void {
    const { group } = this;
    group.onExit.push(() => this.queue.notify(IN | RDNORM));
    group.taskGone.listen(IN, () => this.queue.notify(IN | RDNORM | HUP));
  }

  get isForThread(): boolean {
    return (this.flags & O_EXCL) !== 0;
  }

  /** Nobody has its number any more: it was waited for. */
  get isReaped(): boolean {
    const { tasks } = this.services;
    return this.isForThread
      ? tasks.byTid(this.task.tid) !== this.task
      : tasks.byPid(this.group.pid) !== this.group;
  }

  override readiness(): number {
    const ended = this.isForThread ? this.task.state.name === 'dead' : this.group.isZombie;
    if (!ended && !this.isReaped) return 0;
    return this.isReaped ? IN | RDNORM | HUP : IN | RDNORM;
  }

  override fdinfo(): string {
    const pid = this.isReaped ? -1 : this.isForThread ? this.task.tid : this.group.pid;
    return `Pid:\t${pid}\nNSpid:\t${pid}\n`;
  }
}
