/**
 * What guests tell the time by without a system call: the VDSO (vdso-code.ts), which the host's own VDSO
 * stands behind; and the processor's time stamp, which is made up where guests' time is not the host's.
 *
 * A guest never stands still inside of the host's VDSO, whose code is another on another host: one that is
 * interrupted there takes the few steps that lead out first.
 */
import { later, type Timespec } from '../../base/clock.js';
import type { SystrapContext } from './context.js';
import { clockGettimeOffset, vdsoOf } from './host-vdso.unsafe.js';
import { HOST_VDSO_LOWEST, HOST_VDSO_SIZE, USER_END } from './layout.js';
import { TimePage } from './time-page.unsafe.js';
import type { VdsoImage } from './vdso-image.js';

export interface GuestClockOptions {
  /** The host's monotonic clock when the kernel began. */
  readonly began: Timespec;
  /**
   * Guests read this instead of the processor's time stamp, where the host lets that trap; and all clocks by
   * system calls.
   */
  readonly timestamp?: () => bigint;
}

export class GuestClock {
  readonly #page = new TimePage();
  /** Where the host's VDSO is in every stub; 0: nowhere. */
  #hostVdso = 0;
  #sought = false;
  #shiftNs: number | undefined;

  constructor(
    readonly options: GuestClockOptions,
    { systemCall }: VdsoImage,
  ) {
    this.#page.setHostClock(systemCall, 'systemCall');
  }

  /** The time page's descriptor. */
  get fd(): number {
    return this.#page.fd;
  }

  /**
   * Learns where the zygote has the host's VDSO: all that it forks have it there. Not before it has forked: while it
   * still executes its program, the host does not tell.
   */
  findHostVdso(zygote: number): void {
    if (this.options.timestamp || this.#sought) return;
    this.#sought = true;
    const offset = clockGettimeOffset();
    const base = vdsoOf(zygote);
    if (offset === undefined || base === undefined || base < HOST_VDSO_LOWEST || base >= USER_END) return;
    this.#hostVdso = base;
    this.#page.setHostClock(base + offset, 'host');
    this.setShift(this.#shiftNs);
  }

  /** What guests read of the page besides clocks. */
  setLaneCalls(numbers: readonly number[]): void {
    this.#page.setLaneCalls(numbers);
  }

  setShift(shiftNs: number | undefined): void {
    this.#shiftNs = shiftNs;
    this.#page.publish(shiftNs === undefined ? undefined : later(this.options.began, -shiftNs));
  }

  /** Whether the trap just taken is ours alone: then the context goes on, and nobody hears of it. */
  concerns(context: SystrapContext): boolean {
    const { timestamp } = this.options;
    if (timestamp) return context.answerTimestamp(timestamp);
    const pc = context.getPc();
    if (pc < HOST_VDSO_LOWEST || !this.#isInHostVdso(pc)) {
      if (context.leaving) context.left();
      return false;
    }
    if (context.trap.kind === 'syscall') {
      // It cannot read the host's clock any more: whoever was told by it starts anew, and asks us.
      this.#page.giveUp();
      return false;
    }
    return context.leave();
  }

  #isInHostVdso(pc: number): boolean {
    return this.#hostVdso !== 0 && pc >= this.#hostVdso && pc < this.#hostVdso + HOST_VDSO_SIZE;
  }

  dispose(): void {
    this.#page.dispose();
  }
}
