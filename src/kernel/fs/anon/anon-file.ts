/** What eventfd, timerfd, signalfd and epoll descriptions have in common: no name, no position. */
import { E } from '../../../abi/errno.js';
import { type Failure, fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { FileDescription } from '../file-description.js';
import { pseudoFileSystems } from './pseudo.js';

export abstract class AnonFile extends FileDescription {
  /** As /proc/pid/fd shows it: anon_inode:[kind]. */
  protected abstract readonly kind: string;

  constructor(
    readonly services: KernelServices,
    flags: number,
  ) {
    super(pseudoFileSystems(services).anonInode, undefined, flags);
  }

  override linkName(): string {
    return `anon_inode:[${this.kind}]`;
  }

  /** lseek(2) succeeds and does nothing: noop_llseek. */
  override seek(): number | Failure {
    return 0;
  }

  override fsync(): Failure | undefined {
    return fail(E.EINVAL);
  }
}
