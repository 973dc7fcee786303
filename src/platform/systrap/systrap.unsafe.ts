/**
 * The systrap platform: stub processes that trap by SIGSYS, and the shard's side of the protocol
 * (layout.ts). Compare gVisor's pkg/sentry/platform/systrap.
 *
 * Who spins, and for how long, decides the speed (a parked wake-up across cores costs 25 µs on the
 * 2-core test machine, a spinning hand-over 0.1 µs): see `stubSpin` here and the reactor's budget.
 */
import { availableParallelism } from 'node:os';
import { type HostFd, userAddr } from '../../base/brand.js';
import { track } from '../../base/disposable.js';
import {
  close,
  eventfd,
  ftruncate,
  memfdCreate,
  read,
  SYS,
  schedYield,
  syscall,
  usleep,
} from '../host/libc.unsafe.js';
import { check, HostMemory } from '../host/memory.unsafe.js';
import { HostPoller } from '../host/poller.unsafe.js';
import { scratch } from '../host/scratch.unsafe.js';
import {
  type ForeignMemory,
  GuestBroken,
  type LaneSink,
  type Platform,
  type TrapSink,
  type Vdso,
} from '../platform.js';
import { asRefusal, SystrapAddressSpace } from './address-space.unsafe.js';
import type { SystrapContext } from './context.js';
import { Cores, LOOK_NS } from './cores.unsafe.js';
import { GuestClock, type GuestClockOptions } from './guest-clock.js';
import { copyGuestMemory } from './guest-copy.unsafe.js';
import { type Images, imagesWith, traitsOfHost } from './images.js';
import { LaneEnd } from './lane.js';
import { newLanePage } from './lane-page.unsafe.js';
import { LANE_SLOTS, type LaneTable } from './lane-table.js';
import { Lanes } from './lanes.unsafe.js';
import {
  GUEST_END,
  RING_SIZE,
  SHARD_PAGE_SIZE,
  shardPage,
  TIME_PAGE,
  VDSO,
  VDSO_SIZE,
  area as word,
} from './layout.js';
import { processUsage, residentBytes } from './process-times.unsafe.js';
import { StubProcess } from './stub-process.unsafe.js';
import type { ThreadArea } from './thread-area.js';
import { hasUserDispatch, Zygote } from './zygote.unsafe.js';

const FUTEX_WAKE = 1;
const EFD_NONBLOCK_CLOEXEC = 0x800 | 0x8_0000;
const MFD_CLOEXEC = 1;
const EPOLLIN = 1;
const TAIL = shardPage.TAIL >> 2;
const PARKED = shardPage.PARKED >> 2;
const RING = shardPage.RING >> 2;

/** How long a stub may take for what takes microseconds, before it is taken for broken. */
const ANSWER_DEADLINE_NS = 10_000_000_000;
/** Looks at a word before the first yield; one look is about 10 ns. */
const LOOKS_BEFORE_YIELD = 20_000;
/** How often it is let run before the shard sleeps: one that shares the core has had no looks before. */
const YIELDS = 100;
const YIELDS_TOGETHER = 1000;
/** How often a wanted interrupt is sent again, and when the stub is given up. */
const INTERRUPT_AGAIN_NS = 5_000_000;
const INTERRUPT_DEADLINE_NS = 2_000_000_000;
/**
 * PAUSE loops of a stub before it parks; one is 24 ns on the test machine, 40 at other hours. With a core to
 * spare, 50 to 80 µs: two or three parked wake-ups. Without, 10 to 16 µs: what a shard that is awake takes for a
 * short call, and less than parking costs by itself.
 */
const STUB_SPIN = 2_000;
const STUB_SPIN_CROWDED = 400;

export interface SystrapOptions extends GuestClockOptions {
  /** Assembled beforehand. */
  readonly images?: Images;
  /** On a shard that is not the home: the way to it. */
  readonly lane?: LaneOptions;
  /** No other shard serves this kernel: this one may choose the cores of its guests. */
  readonly alone?: boolean;
}

export interface LaneOptions {
  readonly table: LaneTable;
  /** The system calls that go home by it. */
  readonly calls: readonly number[];
  /** Whether they may now: what was told to the home before comes there before. */
  readonly isOpen: () => boolean;
}

/** What address spaces ask of the platform that they belong to. */
export interface SystrapHost {
  running: number;
  readonly interrupting: Set<SystrapContext>;
  nowNs(): number;
  allocateSlot(): number;
  setSlot(slot: number, context: SystrapContext | undefined): void;
  openLane(slot: number, area: ThreadArea, index: number): LaneEnd | undefined;
  /** Whether guests' calls may go home by the lane now. */
  readonly laneOpen: boolean;
  /** A stopped context is to be taken by the next poll. */
  lookAt(slot: number): void;
  stubSpin(): number;
  /** With a guest that runs and the shard that works, a core is still free. */
  readonly hasCoreToSpare: boolean;
  readonly cores: Cores;
  wake(area: ThreadArea): void;
  waitFor(space: SystrapAddressSpace, done: () => boolean): void;
  newProcess(): StubProcess;
  adopt(space: SystrapAddressSpace): void;
  disown(space: SystrapAddressSpace): void;
}

export class SystrapPlatform implements Platform, SystrapHost {
  readonly name = 'systrap';
  readonly minAddress = userAddr(0x1000);
  readonly maxAddress = userAddr(GUEST_END);
  /** Guest threads that may be running now, or have a call at home. */
  running = 0;
  /** Guest threads of other shards that may be running now, and call this one. */
  callersElsewhere = 0;
  /** Cores that others of this process keep busy: they are not there to spin on. */
  coresTaken = 0;
  readonly interrupting = new Set<SystrapContext>();
  readonly #poller = new HostPoller();
  readonly #pageFd: number;
  readonly #page: HostMemory;
  readonly #words: Int32Array;
  readonly #bell: number;
  readonly #zygote: Zygote;
  readonly #clock: GuestClock;
  readonly #slots: (SystrapContext | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #spaces = new Map<SystrapAddressSpace, () => void>();
  readonly #coreCount = availableParallelism();
  readonly cores: Cores;
  readonly #lane: LaneTable | undefined;
  readonly #laneIsOpen: () => boolean;
  /** At home: those of the other shards. */
  readonly #lanes = new Lanes(this, this.#poller);
  readonly #untrack = track('systrap platform');
  #sink: TrapSink | undefined;
  #head = 0;
  #ready: SystrapAddressSpace | undefined;
  #created = 0;
  #disposed = false;

  readonly vdso: Vdso = { dataAddress: TIME_PAGE, address: VDSO, end: VDSO + VDSO_SIZE };

  constructor(images: Images, options: Omit<SystrapOptions, 'images'>) {
    this.cores = new Cores(options.alone === true ? this.#coreCount : 1, () => this.nowNs());
    this.#pageFd = check('memfd_create', memfdCreate('troupe-shard', MFD_CLOEXEC));
    check('ftruncate', ftruncate(this.#pageFd, SHARD_PAGE_SIZE));
    this.#page = HostMemory.shared(this.#pageFd, SHARD_PAGE_SIZE);
    this.#words = new Int32Array(this.#page.view(0, SHARD_PAGE_SIZE));
    this.#bell = check('eventfd', eventfd(0, EFD_NONBLOCK_CLOEXEC));
    this.#poller.watch(this.#bell, EPOLLIN, () => {
      read(this.#bell, scratch().address, 8);
    });
    this.#clock = new GuestClock(options, images.vdso);
    const lane = options.lane && newLanePage();
    if (lane && options.lane) {
      options.lane.table.publish(lane.page, lane.bell);
      this.#clock.setLaneCalls(options.lane.calls);
    }
    this.#lane = options.lane?.table;
    this.#laneIsOpen = options.lane?.isOpen ?? (() => false);
    this.#zygote = new Zygote(images.zygote, {
      doorbell: this.#bell,
      shardPageFd: this.#pageFd,
      timePageFd: this.#clock.fd,
      lane,
    });
    this.#ready = this.#startSpace();
  }

  attach(sink: TrapSink): void {
    this.#sink = sink;
  }

  // Lanes

  openLane(slot: number, area: ThreadArea, index: number): LaneEnd | undefined {
    if (!this.#lane || slot >= LANE_SLOTS) return undefined;
    return new LaneEnd(this.#lane, slot, area, index);
  }

  get laneOpen(): boolean {
    return this.#laneIsOpen();
  }

  /** At home: takes the calls of another shard's guests. False while that shard is not there yet. */
  receiveLane(table: LaneTable, sink: LaneSink): boolean {
    return this.#lanes.receive(table, sink);
  }

  lookAt(slot: number): void {
    const at = Atomics.add(this.#words, TAIL, 1);
    Atomics.store(this.#words, RING + (at & (RING_SIZE - 1)), slot + 1);
  }

  /** Guest threads that may be running now. */
  get active(): number {
    return this.#lane ? this.running - this.#lane.held : this.running;
  }

  // Address spaces

  createAddressSpace(): SystrapAddressSpace {
    const space = this.#ready ?? this.#startSpace();
    this.#ready = undefined;
    space.awaitBirth();
    this.#clock.findHostVdso(this.#zygote.pid);
    // Who starts a second program starts more: the next one is forked while this one loads.
    if (this.#created++ > 0) this.prepareAddressSpace();
    return space;
  }

  foreignMemory(hostPid: number): ForeignMemory {
    return {
      read: (addr, into) => copyGuestMemory(hostPid, addr, into, 'in'),
      write: (addr, from) => copyGuestMemory(hostPid, addr, from, 'out'),
      residentBytes: () => residentBytes(hostPid),
      usage: () => processUsage(hostPid),
    };
  }

  /** Has an empty address space forked ahead of need, where programs are started one after the other. */
  prepareAddressSpace(): void {
    if (!this.#disposed) this.#ready ??= this.#startSpace();
  }

  #startSpace(): SystrapAddressSpace {
    const process = new StubProcess();
    const space = new SystrapAddressSpace(this, process);
    space.first.area.spin = 0;
    this.#zygote.fork(process);
    return space;
  }

  newProcess(): StubProcess {
    try {
      return new StubProcess();
    } catch (e) {
      throw asRefusal(e);
    }
  }

  adopt(space: SystrapAddressSpace): void {
    const unwatch = this.#poller.watch(space.process.pidfd, EPOLLIN, () => {
      unwatch();
      if (!space.released) this.#sink?.onDeath(space, 'its host process died');
    });
    this.#spaces.set(space, unwatch);
  }

  disown(space: SystrapAddressSpace): void {
    this.#spaces.get(space)?.();
    this.#spaces.delete(space);
    for (const c of space.contexts) this.interrupting.delete(c);
  }

  /** A host descriptor is about to be closed: no stub may keep its copy under that number. */
  forgetFile(fd: HostFd): void {
    for (const space of this.#spaces.keys()) space.forgetFile(fd);
  }

  allocateSlot(): number {
    return this.#freeSlots.pop() ?? this.#slots.push(undefined) - 1;
  }

  setSlot(slot: number, context: SystrapContext | undefined): void {
    this.#slots[slot] = context;
    if (!context) this.#freeSlots.push(slot);
  }

  // Traps

  poll(): number {
    let taken = 0;
    // The tail is the guests' to write: at most one round of the ring a call.
    const tail = Atomics.load(this.#words, TAIL);
    for (let n = 0; n < RING_SIZE && this.#head !== tail; n++) {
      const at = RING + (this.#head & (RING_SIZE - 1));
      const id = Atomics.exchange(this.#words, at, 0);
      if (id === 0) break; // on its way
      this.#head = (this.#head + 1) | 0;
      const context = this.#slots[id - 1];
      if (context?.hasTrapped) {
        this.#take(context);
        taken++;
      }
    }
    if (this.interrupting.size > 0) this.#resendInterrupts();
    return taken + this.#lanes.poll();
  }

  /** Looks at every area, whatever the ring says, and starts the ring anew. */
  #scan(): number {
    let taken = 0;
    this.#head = Atomics.load(this.#words, TAIL);
    for (const context of this.#slots) {
      if (context?.hasTrapped) {
        this.#take(context);
        taken++;
      }
    }
    return taken + this.#lanes.scan();
  }

  #take(context: SystrapContext): void {
    const space = context.addressSpace;
    this.running--;
    this.interrupting.delete(context);
    try {
      context.takeTrap();
      if (this.cores.together) this.cores.trapped(context, this.running);
      if (this.#clock.concerns(context)) {
        context.resume();
        return;
      }
      space.calls.carryBy(context);
      this.#sink?.onTrap(context);
      if (context.stopped) space.calls.afterTrap(context);
    } catch (e) {
      if (!(e instanceof GuestBroken)) throw e;
      this.#sink?.onDeath(space, e.message);
    }
  }

  park(timeoutNs: number): void {
    if (!this.cores.watching || this.running === 0) {
      this.#sleep(timeoutNs);
      return;
    }
    this.#sleep(Math.min(timeoutNs, LOOK_NS));
    for (const context of this.cores.lingering(this.#slots, this.running)) context.interrupt();
  }

  /** Other code than the shard's is about to run on its thread. */
  leaveThread(): void {
    this.cores.part();
  }

  #sleep(timeoutNs: number): void {
    Atomics.store(this.#words, PARKED, 1);
    this.#lanes.setParked(1);
    if (this.#scan() > 0 || timeoutNs <= 0) {
      this.#poller.wait(0);
    } else {
      this.#poller.wait(this.interrupting.size > 0 ? Math.min(timeoutNs, INTERRUPT_AGAIN_NS) : timeoutNs);
    }
    Atomics.store(this.#words, PARKED, 0);
    this.#lanes.setParked(0);
  }

  setClockShift(shiftNs: number | undefined): void {
    this.#clock.setShift(shiftNs);
  }

  watch(fd: HostFd, events: number, ready: (events: number) => void): () => void {
    return this.#poller.watch(fd, events, ready);
  }

  #resendInterrupts(): void {
    const now = this.nowNs();
    for (const context of this.interrupting) {
      const space = context.addressSpace;
      if (now - context.interruptedSince > INTERRUPT_DEADLINE_NS) {
        this.interrupting.delete(context);
        this.#sink?.onDeath(space, 'it did not answer an interrupt');
      } else if (now - context.lastInterruptNs > INTERRUPT_AGAIN_NS) {
        space.signal(context);
      }
    }
  }

  // Waiting

  /** How long a stub spins while the shard serves it: little where runnable threads outnumber the cores. */
  stubSpin(): number {
    return this.active + this.coresTaken < this.#coreCount ? STUB_SPIN : STUB_SPIN_CROWDED;
  }

  get hasCoreToSpare(): boolean {
    return this.active + 2 < this.#coreCount;
  }

  /** Whether some guest thread runs, and leaves a core to look for its next trap. */
  get spinningPays(): boolean {
    const { active } = this;
    return (
      !this.cores.together && active + this.callersElsewhere > 0 && active + this.coresTaken < this.#coreCount
    );
  }

  wake(area: ThreadArea): void {
    syscall(SYS.futex, area.hostAddress + word.STATE, FUTEX_WAKE, 1);
  }

  /** Waits for a stub's answer, which takes microseconds unless it is broken or not scheduled. */
  waitFor(space: SystrapAddressSpace, done: () => boolean): void {
    const { together } = this.cores;
    for (let i = 0; !together && i < LOOKS_BEFORE_YIELD; i++) if (done()) return;
    const deadline = this.nowNs() + ANSWER_DEADLINE_NS;
    const yields = together ? YIELDS_TOGETHER : YIELDS;
    for (let i = 0; !done(); i++) {
      if (i < yields) schedYield();
      else usleep(50);
      if (this.nowNs() > deadline || this.#isDead(space)) {
        if (done()) return;
        throw new GuestBroken('its host process does not answer');
      }
    }
  }

  #isDead(space: SystrapAddressSpace): boolean {
    return space.process.pidfd >= 0 && this.#poller.isReadable(space.process.pidfd);
  }

  nowNs(): number {
    return performance.now() * 1e6;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    // Its namespaces take the host a while: meanwhile the rest goes.
    this.#zygote.kill();
    this.#ready?.release();
    for (const space of [...this.#spaces.keys()]) space.release();
    this.#poller.dispose();
    close(this.#bell);
    this.#page.unmap();
    this.#lanes.dispose();
    this.#clock.dispose();
    close(this.#pageFd);
    this.#zygote.wait();
    this.#untrack();
  }
}

/** The platform as this host can carry it. */
export function newSystrapPlatform({ images, ...options }: SystrapOptions): SystrapPlatform {
  const traits = {
    ...traitsOfHost(options.timestamp !== undefined),
    userDispatch: hasUserDispatch(),
    lane: options.lane !== undefined,
  };
  return new SystrapPlatform(imagesWith(traits, images), options);
}
