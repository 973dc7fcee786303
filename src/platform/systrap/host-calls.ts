/**
 * Host calls that a stub process makes for the shard: the one primitive by which a guest's address space
 * is changed. They are queued in the area of one stopped thread, the carrier, and go along with its
 * resume, or are made at once (`call`, `flush`).
 *
 * Order is kept so: only the carrier has queued calls; another thread becomes carrier only after they are
 * done; and calls that went along with a resume (`#inFlight`) are waited for before anything that could
 * depend on them. Results are the guest's word: they are checked, and can only harm the guest.
 */
import { GuestBroken } from '../platform.js';
import type { SystrapContext } from './context.js';
import { OpFlag, Report, State, area as word } from './layout.js';
import type { ThreadArea } from './thread-area.js';

/** PAUSE loops of a stub after a host call, 50 to 80 µs: the next one, or the resume, comes soon. */
const CALL_SPIN = 2000;
const EINTR = -4;

/** The address space whose calls these are. */
export interface CallingSpace {
  readonly contexts: ReadonlySet<SystrapContext>;
  readonly released: boolean;
  /** Wakes a stub that sleeps on its STATE. */
  wake(area: ThreadArea): void;
  /** How long it may look for what comes next, if it may for so long where it is. */
  spinOf(context: SystrapContext, usual: number): number;
  /** Waits for a stub's answer; GuestBroken when none comes. */
  waitFor(done: () => boolean): void;
}

export class HostCalls {
  #carrier: SystrapContext;
  #inFlight: SystrapContext | undefined;
  /** How many calls went along with the last resume that took any. */
  #lastBatch = 0;
  /** Which of the queued calls, counted from 1, is the last that takes descriptors. */
  #lastReceive = 0;

  constructor(
    readonly space: CallingSpace,
    first: SystrapContext,
  ) {
    this.#carrier = first;
  }

  /** The carrier, stopped, with nothing of another thread's still to be done. */
  ready(): SystrapContext {
    if (!this.#carrier.stopped || this.#carrier.released) this.#chooseCarrier();
    if (this.#inFlight) this.#settle();
    return this.#carrier;
  }

  /** Some thread stands still, so that calls can be made. */
  get possible(): boolean {
    if (this.space.released) return false;
    for (const c of this.space.contexts) if (c.stopped) return true;
    return false;
  }

  #chooseCarrier(): void {
    for (const c of this.space.contexts) {
      if (c.stopped && !c.released) {
        this.#carrier = c;
        return;
      }
    }
    throw new GuestBroken('no stopped thread to change the address space by');
  }

  /** A context has just stopped and is about to be served: calls will go by it. */
  carryBy(context: SystrapContext): void {
    if (this.#carrier === context) return;
    this.flushQueued();
    this.#carrier = context;
  }

  queue(flags: number, nr: number, a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0): void {
    const carrier = this.ready();
    if (carrier.area.opsFull) this.flushOrBreak();
    carrier.area.pushOp(flags, nr, a0, a1, a2, a3, a4, a5);
  }

  /**
   * A recvmsg that takes what `send` sends now; FD_FIRST and FD_SECOND are for the calls right behind it, three
   * of which are made with it.
   */
  receive(send: () => void): void {
    const carrier = this.ready();
    if (carrier.area.groupFull) this.flushOrBreak();
    send();
    carrier.area.pushReceive();
    this.#lastReceive = carrier.area.opsQueued;
  }

  /** One call at once, after what is queued, with its result. */
  call(nr: number, a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0): number {
    const carrier = this.ready();
    if (carrier.area.opsFull) this.flushOrBreak();
    const index = carrier.area.opsQueued;
    carrier.area.pushOp(OpFlag.MAY_FAIL, nr, a0, a1, a2, a3, a4, a5);
    const error = this.#run(carrier);
    if (error < 0) throw refused(error);
    return carrier.area.opResult(index);
  }

  /**
   * Makes what is queued; 0, or the negative errno of the first call that failed. `spin`: how long the
   * stub looks for what comes next.
   */
  flush(spin = CALL_SPIN): number {
    return this.#run(this.ready(), spin);
  }

  flushOrBreak(spin?: number): void {
    const error = this.flush(spin);
    if (error < 0) throw refused(error);
  }

  /** Makes what a stopped carrier has queued, if anything. */
  flushQueued(): void {
    if (this.#carrier.stopped && this.#carrier.area.opsQueued > 0) this.flushOrBreak();
  }

  /** Everything asked for so far is done: guest memory is as the kernel says. */
  complete(): void {
    this.flushQueued();
    if (this.#inFlight) this.#settle();
  }

  /** The context is about to be resumed: what is queued in it goes along. */
  goAlong(context: SystrapContext): void {
    if (context !== this.#carrier) this.flushQueued();
    if (context.area.opsQueued === 0) return;
    if (this.#inFlight) this.#settle();
    this.#lastBatch = context.area.sealOps();
    this.#lastReceive = 0;
    this.#inFlight = context;
  }

  /** After a trap was handled: nothing may stay queued in a thread that does not run on. */
  afterTrap(context: SystrapContext): void {
    if (this.#carrier === context && !this.space.released) this.flushQueued();
  }

  /** What went along with a resume failed: the guest's memory is not what the kernel says it is. */
  failed(context: SystrapContext): never {
    const index = Math.max(0, this.#lastBatch - context.area.opsLeft);
    throw refused(context.area.opResult(index));
  }

  /** Makes the carrier execute what is queued and waits until it has. */
  #run(carrier: SystrapContext, spin = CALL_SPIN): number {
    const { area } = carrier;
    if (area.opsQueued === 0) return 0;
    const count = area.sealOps();
    const lastReceive = this.#lastReceive;
    this.#lastReceive = 0;
    area.spin = this.space.spinOf(carrier, spin);
    if (area.go(State.GO_CALL)) this.space.wake(area);
    this.space.waitFor(() => area.state !== State.GO_CALL);
    if (area.signo !== Report.CALLED) throw new GuestBroken('host calls were not answered');
    const made = count - area.opsLeft;
    const outcome = outcomeOf(area, count);
    // What was sent and not received would be taken for what is sent next.
    if (made < lastReceive) throw new GuestBroken('descriptors were lost');
    return outcome;
  }

  #settle(): void {
    const area = this.#inFlight?.area;
    this.#inFlight = undefined;
    if (!area || area.opsLeft === 0) return;
    this.space.waitFor(
      () => area.opsLeft === 0 || area.state === State.TRAPPED || area.state === State.PARKED,
    );
  }
}

function refused(error: number): GuestBroken {
  return new GuestBroken(`the host refused a change of memory (errno ${-error})`);
}

function outcomeOf(area: ThreadArea, count: number): number {
  const left = area.opsLeft;
  if (left === 0) return 0;
  if (left < 0 || left > count) throw new GuestBroken('absurd number of host calls left');
  const error = area.opResult(count - left);
  area.setWord(word.OP_COUNT, 0);
  return error < 0 ? error : EINTR;
}
