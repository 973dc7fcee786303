/**
 * eventfd(2): a 64-bit counter that reads take down and writes add to. The counter stays below
 * 2⁶⁴ - 1; a write that would reach it blocks.
 */
import { E } from '../../../abi/errno.js';
import { O_RDWR } from '../../../abi/open.js';
import { fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { IN, OUT, RDNORM, WOULD_BLOCK, WRNORM } from '../../wait.js';
import type { Tried } from '../file-description.js';
import type { Sink, Source } from '../io.js';
import { AnonFile } from './anon-file.js';
import { putU64, takeU64 } from './words.js';

const MAX = 2n ** 64n - 1n;

export class EventFile extends AnonFile {
  protected readonly kind = 'eventfd';

  constructor(
    services: KernelServices,
    /** EFD_NONBLOCK or 0. */
    flags: number,
    private count: bigint,
    private readonly mode: 'counter' | 'semaphore',
  ) {
    super(services, O_RDWR | flags);
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    if (to.remaining < 8) return fail(E.EINVAL);
    if (this.count === 0n) return WOULD_BLOCK;
    const taken = this.mode === 'semaphore' ? 1n : this.count;
    this.count -= taken;
    this.queue.notify(OUT | WRNORM);
    return putU64(to, taken);
  }

  override tryWrite(from: Source, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    if (from.remaining !== 8) return fail(E.EINVAL);
    const added = takeU64(from);
    if (typeof added !== 'bigint') return added;
    if (added === MAX) return fail(E.EINVAL);
    if (MAX - this.count <= added) return WOULD_BLOCK;
    this.count += added;
    this.queue.notify(IN | RDNORM);
    return 8;
  }

  override readiness(): number {
    let events = 0;
    if (this.count > 0n) events |= IN | RDNORM;
    if (this.count < MAX - 1n) events |= OUT | WRNORM;
    return events;
  }

  override fdinfo(): string {
    const count = this.count.toString(16).padStart(16);
    return `eventfd-count: ${count}\neventfd-semaphore: ${this.mode === 'semaphore' ? 1 : 0}\n`;
  }
}
