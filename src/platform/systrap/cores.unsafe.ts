/**
 * On which cores stubs and their shard run: sched(7), sched_setaffinity(2).
 *
 * Apart, both spin, and a hand-over costs 0.1 µs: right for one thread that makes call after call, and for those
 * that compute. But a stub that sleeps on another core takes 29 µs to wake, and one on the shard's own takes 4:
 * where threads take turns (a pipe, a lock, a fork), the shard has them come to its core, and nobody spins there.
 * The host would do neither by itself: it wakes a thread where a core is free, and moves none for that.
 *
 * Who computes for long is sent away again. A guest can undo all this for its own stub, which only it pays for.
 */
import { SYS, syscall } from '../host/libc.unsafe.js';
import { scratch } from '../host/scratch.unsafe.js';
import type { SystrapContext } from './context.js';
import { AFFINITY_SIZE, OpFlag, area as word } from './layout.js';

/** A context that may run on every core; one that has just left the shard's, where the host would let it stay. */
export const ANYWHERE = -1;
const ELSEWHERE = -2;

/** Wakings are worth this many hand-overs: what they cost, times as many as it takes to be sure. */
const WAKING = 4;
const COME_TOGETHER = 48;
/** So many traps of one context in a row: it takes turns with nobody. */
const ALONE = 256;
/** What ran for longer computes, ns; times those that run, since they wait for each other. */
const LONG_NS = 200_000;
/** How long one may hold the shard's core before the shard looks, and how often it looks, ns. */
export const LOOK_NS = 1_000_000;
/** Turns after which one that computed may come again. */
const AWAY_TURNS = 32;
/** Long turns, and those among many, less short ones, that say that others want the core; how long to leave it then, ns. */
const CROWDED = 64;
const LONG_TURN = 8;
const LEAVE_NS = 5_000_000;
const NOBODY: readonly SystrapContext[] = [];

export class Cores {
  /** The shard and who takes turns with it are on one core. */
  together = false;
  /** Some are, or may still be where the shard no longer is: who runs there is to be looked at. */
  watching = false;
  readonly #mayChoose: boolean;
  readonly #all = new Uint8Array(AFFINITY_SIZE);
  readonly #one = new Uint8Array(AFFINITY_SIZE);
  readonly #others = new Uint8Array(AFFINITY_SIZE);
  #core = ANYWHERE;
  #score = 0;
  #crowd = 0;
  #notBefore = 0;
  #nextLook = 0;
  #last: SystrapContext | undefined;
  #inARow = 0;

  constructor(
    /** How many there are to choose from; one where another shard might choose differently. */
    readonly count: number,
    readonly nowNs: () => number,
  ) {
    const s = scratch();
    this.#mayChoose = count > 1 && syscall(SYS.sched_getaffinity, 0, AFFINITY_SIZE, s.address) > 0;
    this.#all.set(s.head(AFFINITY_SIZE));
  }

  /** Whether it is on the shard's core, where it must not spin. */
  isHere(context: SystrapContext): boolean {
    return this.together && context.core === this.#core;
  }

  /** Before a context goes on, where some are on one core, or this one is: has it go where it belongs. */
  place(context: SystrapContext): void {
    const wanted = this.together && context.turnsAway === 0 ? this.#core : ANYWHERE;
    const core = wanted === ANYWHERE && context.core >= 0 ? ELSEWHERE : wanted;
    if (core !== context.core && !context.area.groupFull) this.#send(context, core);
    if (this.together) context.wentOn = this.nowNs();
  }

  /** A context went on, and had to be woken for that; so many run now. Where cores are short, none is for taking turns on. */
  woke(running: number): void {
    if (this.together || !this.#mayChoose || running > this.count) return;
    this.#score = Math.min(this.#score + WAKING, COME_TOGETHER);
    if (this.#score === COME_TOGETHER && this.nowNs() >= this.#notBefore) this.#come();
  }

  /** A context went on that was spinning. */
  handedOver(): void {
    if (this.#score !== 0) this.#score -= Math.sign(this.#score);
  }

  /** A context has trapped, while some are on one core; so many others run. */
  trapped(context: SystrapContext, others: number): void {
    if (this.nowNs() - context.wentOn > LONG_NS * (others + 1)) this.#computed(context);
    else {
      if (context.turnsAway > 0) context.turnsAway--;
      if (others > this.count) this.#crowded();
      else if (this.#crowd > 0) this.#crowd--;
    }
    if (context !== this.#last) {
      this.#last = context;
      this.#inARow = 0;
    } else if (++this.#inARow >= ALONE) this.part();
  }

  /** A process is made: much of that is work which another core can do meanwhile. */
  forks(): void {
    this.part();
    this.#score = -COME_TOGETHER;
  }

  /**
   * Those who have been keeping one core to themselves, if it is time to look: they are to be stopped for a moment,
   * and go on where there is room. Who runs on one core after the shard has left it would stay there.
   */
  lingering(contexts: readonly (SystrapContext | undefined)[], running: number): readonly SystrapContext[] {
    const now = this.nowNs();
    if (now < this.#nextLook) return NOBODY;
    this.#nextLook = now + LOOK_NS;
    let bound = false;
    const found: SystrapContext[] = [];
    for (const context of contexts) {
      if (!context || context.stopped || context.core < 0) continue;
      bound = true;
      if (now - context.wentOn < Math.max(LOOK_NS / 2, LONG_NS * running)) continue;
      if (this.together) this.#computed(context);
      found.push(context);
    }
    this.watching = this.together || bound;
    return found;
  }

  /** Each may run anywhere again; also before this thread runs what may start others, which would inherit its core. */
  part(): void {
    if (!this.together) return;
    this.together = false;
    this.#score = 0;
    this.#last = undefined;
    this.#setOwn(this.#all);
  }

  #computed(context: SystrapContext): void {
    context.turnsAway = AWAY_TURNS;
    this.#crowded();
  }

  #crowded(): void {
    this.#crowd += LONG_TURN;
    if (this.#crowd < CROWDED) return;
    this.#crowd = 0;
    this.#notBefore = this.nowNs() + LEAVE_NS;
    this.part();
  }

  #come(): void {
    const s = scratch();
    if (syscall(SYS.getcpu, s.address, 0, 0) !== 0) return;
    this.#core = s.view.getUint32(0, true);
    this.#one.fill(0);
    this.#one[this.#core >> 3] = 1 << (this.#core & 7);
    for (let i = 0; i < AFFINITY_SIZE; i++) this.#others[i] = (this.#all[i] ?? 0) & ~(this.#one[i] ?? 0);
    this.#inARow = 0;
    this.together = this.#setOwn(this.#one);
    this.watching ||= this.together;
  }

  #setOwn(mask: Uint8Array): boolean {
    const s = scratch();
    s.head(AFFINITY_SIZE).set(mask);
    return syscall(SYS.sched_setaffinity, 0, AFFINITY_SIZE, s.address) === 0;
  }

  /** Only a thread itself can be trusted to say which thread of the host it is. */
  #send(context: SystrapContext, core: number): void {
    const { area } = context;
    context.core = core;
    area.bytes.set(core >= 0 ? this.#one : core === ELSEWHERE ? this.#others : this.#all, word.AFFINITY);
    area.pushOp(OpFlag.MAY_FAIL, SYS.sched_setaffinity, 0, AFFINITY_SIZE, area.stubAddress + word.AFFINITY);
  }
}
