/**
 * The loop of a shard: traps, mail, timers, host descriptors; then spin, then sleep.
 *
 * It keeps the thread for itself as long as nobody needs Node's event loop of it. When a message was
 * posted to one of its ports (ControlBlock.ringForPort) it returns once through the event loop, so
 * that ports, promises and Piscina live on; there is no promise on the system-call path.
 */
import type { Platform } from '../platform/platform.js';
import type { ShardTime } from './shard-time.js';

/**
 * How long to look for the next trap before sleeping. A parked wake-up costs about 25 µs across cores
 * on the 2-core test machine; spinning for twice that loses little and wins most quick replies.
 */
const SPIN_NS = 50_000;
/** Polls between two looks at the clock; a poll is about 30 ns. */
const POLLS_PER_LOOK = 32;
/** Traps in a row after which timers and host descriptors get their turn, whatever else is to do. */
const TRAPS_PER_ROUND = 256;
/** Nothing should need it, but a thread that is asked to end by force notices at most this late. */
const LONGEST_PARK_NS = 1_000_000_000;

/** No count of messages. */
const NEVER = -1;

export interface ReactorParts {
  readonly platform: Platform;
  readonly time: ShardTime;
  /** Handles mail that came by rings; true when there was some. */
  readonly drainMail: () => boolean;
  /** Whether mail waits in rings: asked before sleeping, and while spinning. */
  readonly mailWaiting: () => boolean;
  /** From now on (1) who writes to a ring rings the bell, too. */
  readonly setParked: (parked: 0 | 1) => void;
  /** Told how long there was something to do, where somebody wants to know. */
  readonly busy?: (ns: number) => void;
  /** Runs tasks that became runnable by something else than a trap. */
  readonly runReady: () => void;
  /** Called when the shard has nothing to do for now, before it spins; and now and then where it has always. */
  readonly settled: () => void;
  /** Called before the shard sleeps. */
  readonly idle: () => void;
  /** Host nanoseconds until that is to be called again, though nothing happens. */
  readonly idleInNs: () => number;
  /** No guest may go on: events are waiting for their observer. Traps are left where they are. */
  readonly held: () => boolean;
  /** Waits for that to end, for a moment at most. */
  readonly awaitRelease: () => void;
  /** Whether messages wait at ports. */
  readonly portMail: () => number;
  /** Whether the event loop has to come round for another reason. */
  readonly needsEventLoop: () => boolean;
  readonly isOver: () => boolean;
  /** Guest threads that may be running, and how many of them leave a core for spinning. */
  readonly mayTrapSoon: () => boolean;
  /** Whether every guest waits, and for nothing but time. */
  readonly onlyTimePasses: () => boolean;
}

export class Reactor {
  #seenPortMail = NEVER;
  #finish: (() => void) | undefined;

  constructor(readonly parts: ReactorParts) {}

  /** A promise was settled: its continuations run in the event loop, before the shard sleeps again. */
  passThroughEventLoop(): void {
    this.#seenPortMail = NEVER;
  }

  /** Runs until `isOver`; settles then. */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#finish = resolve;
      const turn = (): void => {
        try {
          if (this.#turn()) this.#finish?.();
          else this.#comeBack(turn);
        } catch (e) {
          reject(e);
        }
      };
      this.#comeBack(turn);
    });
  }

  /**
   * Through the event loop, once. The count is read before it: whatever was posted and counted by now
   * is handled before `turn` runs, and what is posted later changes the count.
   */
  #comeBack(turn: () => void): void {
    this.parts.platform.leaveThread();
    this.#seenPortMail = this.parts.portMail();
    setImmediate(() => setImmediate(turn));
  }

  /** True when all is over, false to pass through the event loop. */
  #turn(): boolean {
    const { parts } = this;
    for (;;) {
      if (parts.held()) return this.#hold();
      this.#workTimed();
      if (parts.isOver()) return true;
      parts.settled();
      if (parts.portMail() !== this.#seenPortMail || parts.needsEventLoop()) return false;
      if (this.#spin()) continue;
      if (this.#skipTime()) continue;
      parts.idle();
      parts.setParked(1);
      const wait = Math.min(parts.time.dueInNs(), parts.idleInNs(), LONGEST_PARK_NS);
      parts.platform.park(parts.mailWaiting() ? 0 : wait);
      parts.setParked(0);
      parts.runReady();
      if (parts.portMail() !== this.#seenPortMail) return false;
    }
  }

  /** Operations from outside are served meanwhile, so that a kill or a shutdown gets through. */
  #hold(): boolean {
    const { parts } = this;
    parts.awaitRelease();
    parts.drainMail();
    return parts.isOver();
  }

  /** In virtual time, leaps to the next timer; true when the shard has something to do instead of sleeping. */
  #skipTime(): boolean {
    const { platform, runReady, time, onlyTimePasses } = this.parts;
    if (time.keeper.kind === 'real' || !onlyTimePasses()) return false;
    // What the host has to say comes first.
    platform.park(0);
    runReady();
    if (onlyTimePasses()) return time.skip();
    return true;
  }

  #workTimed(): void {
    const { busy, time } = this.parts;
    if (!busy) {
      this.#work();
      return;
    }
    const start = time.hostNs();
    this.#work();
    busy(time.hostNs() - start);
  }

  /** Does what there is to do. */
  #work(): void {
    const { platform, time, drainMail, runReady } = this.parts;
    let traps = 0;
    let busy = true;
    while (busy) {
      const n = platform.poll();
      traps += n;
      busy = n > 0;
      if (busy && traps < TRAPS_PER_ROUND) continue;
      if (traps >= TRAPS_PER_ROUND) {
        if (this.parts.held()) return;
        platform.park(0);
        this.parts.settled();
        traps = 0;
      }
      if (drainMail()) busy = true;
      if (time.fireDue()) busy = true;
      runReady();
      if (this.parts.isOver() || this.parts.portMail() !== this.#seenPortMail) return;
    }
  }

  /** Looks for the next trap for a while; true when one came (and was handled). */
  #spin(): boolean {
    const { platform, mayTrapSoon, mailWaiting, time } = this.parts;
    if (!mayTrapSoon()) return false;
    const end = time.hostNs() + Math.min(SPIN_NS, time.dueInNs());
    do {
      for (let i = 0; i < POLLS_PER_LOOK; i++) if (platform.poll() > 0) return true;
      if (mailWaiting()) return true;
    } while (time.hostNs() < end);
    return false;
  }
}
