/**
 * A guest's memory: the private memory of a stub process, and its threads. Changes are host calls that
 * the guest's own threads make (host-calls.ts). Descriptors come over the one socket of the process, so
 * a batch that receives any is made at once.
 */
import { assert } from '../../base/assert.js';
import type { HostFd, UserAddr } from '../../base/brand.js';
import { HostError } from '../host/memory.unsafe.js';
import {
  type AddressSpace,
  type Context,
  GuestBroken,
  HostRefused,
  type MapRequest,
  type Prot,
  type Usage,
} from '../platform.js';
import { SystrapContext } from './context.js';
import { ANYWHERE } from './cores.unsafe.js';
import { type CopyDirection, copyGuestMemory } from './guest-copy.unsafe.js';
import { HostCalls } from './host-calls.js';
import {
  AREA_SIZE,
  DATA_SIZE,
  GUEST_END,
  INTERRUPT_SIGNAL,
  MAX_AREAS,
  OpFlag,
  State,
  area as word,
} from './layout.js';
import { type CpuTimes, processUsage, residentBytes, threadTimes } from './process-times.unsafe.js';
import { CLONE_SIBLING_FLAGS, CLONE_THREAD_FLAGS } from './seccomp-filter.js';
import { copyState } from './signal-frame.js';
import type { StubProcess } from './stub-process.unsafe.js';
import type { SystrapHost } from './systrap.unsafe.js';
import type { ThreadArea } from './thread-area.js';
import { touchedPages } from './touched-pages.unsafe.js';

const NR = {
  close: 3,
  mmap: 9,
  mprotect: 10,
  munmap: 11,
  pread64: 17,
  pwrite64: 18,
  mremap: 25,
  msync: 26,
  mincore: 27,
  madvise: 28,
  dup2: 33,
  clone: 56,
  exit: 60,
  getrusage: 98,
  arch_prctl: 158,
  futex: 202,
  clock_gettime: 228,
  membarrier: 324,
} as const;
const MAP = {
  SHARED: 1,
  PRIVATE: 2,
  FIXED: 0x10,
  ANONYMOUS: 0x20,
  NORESERVE: 0x4000,
  POPULATE: 0x8000,
} as const;
const PROT_EXEC = 4;
/** PAUSE loops of a new process at its first trap, 50 to 80 µs: what the shard takes to make a task of it. */
const BIRTH_SPIN = 2000;
const MREMAP_MAYMOVE_FIXED = 3;
const CLOCK_THREAD_CPUTIME_ID = 3;
const FUTEX_WAKE_OP_PRIVATE = 5 | 128;
/** FUTEX_OP_OR with operand 1 << 31; the comparison does not matter where nobody waits. */
const SET_TOP_BIT = 0xa000_0000 + (31 << 12);
const NS_PER_SEC = 1e9;
const NS_PER_US = 1e3;
/** Where getrusage's answer has its parts, in an area. */
const RUSAGE = { UTIME: word.DATA, STIME: word.DATA + 16, MAXRSS_KIB: word.DATA + 32 } as const;
const PAGE = 4096;
/** Host descriptors that a stub holds copies of at once, and where their numbers begin: above what it receives. */
const MAX_FILES = 64;
const FIRST_FILE = 16;
const EAGAIN = 11;

/** What the host refuses the kernel on the way to a new process, it refuses the guest. */
export function asRefusal(error: unknown): unknown {
  return error instanceof HostError ? new HostRefused(error.call, EAGAIN) : error;
}

export class SystrapAddressSpace implements AddressSpace {
  readonly contexts = new Set<SystrapContext>();
  readonly first: SystrapContext;
  released = false;
  readonly calls: HostCalls;
  /** Areas whose threads have been told to exit; free again once the host kernel cleared HOST_TID. */
  readonly #retired: SystrapContext[] = [];
  #areas = 0;
  /** Copies of host descriptors in the stub: host fd → stub fd. */
  readonly #files = new Map<number, number>();
  /** Numbers below the highest that are free. */
  readonly #fileNumbers: number[] = [];
  /** Those of them that were mapped to be executed. */
  readonly #programs = new Set<number>();
  #usesBarriers = false;

  constructor(
    readonly host: SystrapHost,
    readonly process: StubProcess,
    parent?: SystrapAddressSpace,
  ) {
    if (parent) {
      for (const [k, v] of parent.#files) this.#files.set(k, v);
      for (const fd of parent.#programs) this.#programs.add(fd);
      this.#fileNumbers.push(...parent.#fileNumbers);
      this.#usesBarriers = parent.#usesBarriers;
    }
    this.first = this.#addContext();
    this.calls = new HostCalls(this, this.first);
  }

  get hostPid(): number {
    return this.process.pid;
  }

  #addContext(): SystrapContext {
    const index = this.#freeArea();
    const slot = this.host.allocateSlot();
    const area = this.process.newArea(index, slot);
    const context = new SystrapContext(this, area, index, slot, this.host.openLane(slot, area, index));
    this.contexts.add(context);
    return context;
  }

  #freeArea(): number {
    const at = this.#retired.findIndex((c) => c.area.hostTid === 0);
    if (at >= 0) return (this.#retired.splice(at, 1)[0] as SystrapContext).index;
    if (this.#areas >= MAX_AREAS) throw new HostRefused('clone', EAGAIN);
    return this.#areas++;
  }

  // Changes

  map(request: MapRequest): void {
    const { addr, length, prot, file } = request;
    let flags: number = MAP.FIXED | (request.shared ? MAP.SHARED : MAP.PRIVATE);
    if (request.noReserve) flags |= MAP.NORESERVE;
    if (request.populate) flags |= MAP.POPULATE;
    if (!file) {
      this.calls.queue(0, NR.mmap, addr, length, prot, flags | MAP.ANONYMOUS, -1, 0);
      return;
    }
    if (prot & PROT_EXEC) this.#programs.add(file.fd);
    this.calls.queue(0, NR.mmap, addr, length, prot, flags, this.#stubFile(file.fd), file.offset);
  }

  unmap(addr: UserAddr, length: number): void {
    this.calls.queue(0, NR.munmap, addr, length);
  }

  protect(addr: UserAddr, length: number, prot: Prot): void {
    this.calls.queue(0, NR.mprotect, addr, length, prot);
  }

  remap(from: UserAddr, fromLength: number, to: UserAddr, toLength: number): void {
    if (from === to) this.calls.queue(0, NR.mremap, from, fromLength, toLength, 0, 0);
    else this.calls.queue(0, NR.mremap, from, fromLength, toLength, MREMAP_MAYMOVE_FIXED, to);
  }

  /** What membarrier(2) registered stays with the host process. */
  get reusable(): boolean {
    return !this.#usesBarriers && this.contexts.size === 1 && this.first.stopped;
  }

  clear(): void {
    this.calls.carryBy(this.first);
    this.calls.queue(0, NR.munmap, 0, GUEST_END);
    // Of files that the old program read, the new one may have no right to know.
    for (const fd of [...this.#files.keys()]) if (!this.#programs.has(fd)) this.forgetFile(fd as HostFd);
  }

  advise(addr: UserAddr, length: number, advice: number): number {
    return this.calls.call(NR.madvise, addr, length, advice);
  }

  sync(addr: UserAddr, length: number, flags: number): number {
    return this.calls.call(NR.msync, addr, length, flags);
  }

  resident(addr: UserAddr, length: number, into: Uint8Array): number {
    const perCall = DATA_SIZE * PAGE;
    for (let done = 0; done < length; done += perCall) {
      const part = Math.min(perCall, length - done);
      const area = this.calls.ready().area;
      const r = this.calls.call(NR.mincore, addr + done, part, area.stubAddress + word.DATA);
      if (r < 0) return r;
      const pages = Math.ceil(part / PAGE);
      into.set(area.bytes.subarray(word.DATA, word.DATA + pages), done / PAGE);
    }
    return 0;
  }

  touched(addr: UserAddr, length: number, into: Uint8Array): number {
    this.calls.complete();
    return touchedPages(this.hostPid, addr, length / PAGE, into);
  }

  flush(): number {
    return this.calls.flush();
  }

  // Running

  go(context: SystrapContext): void {
    const { cores } = this.host;
    if (cores.together || context.core !== ANYWHERE) cores.place(context);
    this.calls.goAlong(context);
    const { area, lane } = context;
    this.host.running++;
    const spin = this.host.stubSpin();
    area.spin = cores.together ? this.spinOf(context, spin) : spin;
    lane?.letGo(!context.singleStep && !context.leaving && this.host.laneOpen);
    if (area.go(State.GO_RUN)) {
      this.host.wake(area);
      cores.woke(this.host.running);
    } else cores.handedOver();
  }

  spinOf(context: SystrapContext, usual: number): number {
    return this.host.cores.isHere(context) ? 0 : usual;
  }

  wake(area: ThreadArea): void {
    this.host.wake(area);
  }
  waitFor(done: () => boolean): void {
    this.host.waitFor(this, done);
  }

  interrupt(context: SystrapContext): void {
    context.interruptedSince = this.host.nowNs();
    this.host.interrupting.add(context);
    this.signal(context);
  }
  signal(context: SystrapContext): void {
    context.lastInterruptNs = this.host.nowNs();
    if (context.lane?.recall()) this.host.lookAt(context.slot);
    else this.process.interruptThread(context.hostTid, INTERRUPT_SIGNAL);
  }

  // Threads and processes

  createContext(like: Context): SystrapContext {
    const parent = this.#own(like);
    this.calls.carryBy(parent);
    const context = this.#addContext();
    const area = context.area;
    const tid = area.stubAddress + word.HOST_TID;
    area.spin = 0;
    context.core = parent.core;
    parent.area.pushOp(OpFlag.THREAD, NR.clone, CLONE_THREAD_FLAGS, area.stubAddress + AREA_SIZE, tid, tid);
    const error = this.flush();
    if (error < 0) {
      this.#forget(context);
      throw new HostRefused('clone', -error);
    }
    this.#awaitFirstTrap(context);
    copyState(parent.area, area);
    return context;
  }

  fork(like: Context): SystrapAddressSpace {
    const parent = this.#own(like);
    this.calls.carryBy(parent);
    this.host.cores.forks();
    const process = this.host.newProcess();
    const child = new SystrapAddressSpace(this.host, process, this);
    child.first.core = parent.core;
    child.first.area.spin = this.spinOf(parent, BIRTH_SPIN);
    try {
      this.calls.receive(() => process.offerThrough(this.process));
      const index = parent.area.opsQueued;
      this.calls.queue(OpFlag.PROCESS | OpFlag.MAY_FAIL, NR.clone, CLONE_SIBLING_FLAGS);
      this.calls.queue(OpFlag.FD_ARG0 | OpFlag.MAY_FAIL, NR.close);
      this.calls.queue(OpFlag.SECOND_ARG0 | OpFlag.MAY_FAIL, NR.close);
      // The core that the parent does not look from is the child's to come up on.
      this.calls.flushOrBreak(this.host.hasCoreToSpare ? undefined : 0);
      const error = parent.area.opResult(index);
      if (error < 0) throw new HostRefused('clone', -error);
      child.awaitBirth();
    } catch (e) {
      child.release();
      throw asRefusal(e);
    }
    copyState(parent.area, child.first.area);
    return child;
  }

  /** Waits until the process has introduced itself and stands at its first trap. */
  awaitBirth(): void {
    this.#awaitFirstTrap(this.first);
    this.host.waitFor(this, () => this.process.identify());
    this.host.adopt(this);
  }

  #awaitFirstTrap(context: SystrapContext): void {
    this.host.running++;
    this.host.waitFor(this, () => context.hasTrapped);
    this.host.running--;
    context.takeTrap();
    // Only now: a trap that the shard's loop took before would be nobody's.
    this.host.setSlot(context.slot, context);
  }

  exitContext(context: SystrapContext): void {
    this.contexts.delete(context);
    if (this.contexts.size === 0) {
      this.release();
      return;
    }
    if (context.area.opsQueued > 0) this.calls.flushOrBreak();
    context.area.pushOp(0, NR.exit, 0);
    context.area.sealOps();
    context.lane?.close();
    if (context.area.go(State.GO_RUN)) this.host.wake(context.area);
    this.host.setSlot(context.slot, undefined);
    if (context.index !== 0) this.#retired.push(context);
  }

  #own(context: Context): SystrapContext {
    assert(
      context instanceof SystrapContext && context.addressSpace === this,
      'a context of this address space',
    );
    assert(context.stopped, 'a stopped context');
    return context;
  }

  #forget(context: SystrapContext): void {
    context.released = true;
    context.lane?.close();
    this.contexts.delete(context);
    this.host.setSlot(context.slot, undefined);
  }

  release(): void {
    if (this.released) return;
    this.released = true;
    for (const c of this.contexts) {
      if (!c.stopped && !c.released) this.host.running--;
      this.#forget(c);
      c.stopped = false;
    }
    this.host.disown(this);
    this.process.release();
  }

  /** `which`: ARCH_GET_FS or ARCH_GET_GS. */
  segmentBaseOf(context: SystrapContext, which: number): number {
    this.calls.carryBy(context);
    const r = this.calls.call(NR.arch_prctl, which, context.area.stubAddress + word.DATA);
    return r < 0 ? 0 : context.area.u64(word.DATA);
  }

  // Descriptors

  /**
   * The stub's copy of a host descriptor, passed to it with what is queued if it has none; the latest ones
   * are kept. Its number is ours to choose, so that nobody waits to learn it.
   */
  #stubFile(fd: HostFd): number {
    const known = this.#files.get(fd);
    if (known !== undefined) return known;
    const [oldest] = this.#files.keys();
    if (oldest !== undefined && this.#files.size >= MAX_FILES) this.forgetFile(oldest as HostFd);
    const stubFd = this.#fileNumbers.pop() ?? FIRST_FILE + this.#files.size;
    this.calls.receive(() => this.process.sendDescriptor(fd));
    this.calls.queue(OpFlag.FD_ARG0, NR.dup2, 0, stubFd);
    this.calls.queue(OpFlag.FD_ARG0, NR.close);
    this.#files.set(fd, stubFd);
    return stubFd;
  }

  markWord(addr: UserAddr): number {
    // The host's own atomic operation on a futex word, waking nobody.
    const nobody = this.calls.ready().area.stubAddress + word.DATA;
    return this.calls.call(NR.futex, nobody, FUTEX_WAKE_OP_PRIVATE, 0, 0, addr, SET_TOP_BIT);
  }

  barrier(command: number): number {
    this.#usesBarriers = true;
    return this.calls.call(NR.membarrier, command);
  }

  forgetFile(fd: HostFd): void {
    const stubFd = this.#files.get(fd);
    if (stubFd === undefined) return;
    this.#files.delete(fd);
    this.#programs.delete(fd);
    this.#fileNumbers.push(stubFd);
    // Where no thread stands still, the stub keeps a descriptor that nobody will name again.
    if (this.calls.possible) this.calls.queue(OpFlag.MAY_FAIL, NR.close, stubFd);
  }

  readFile(addr: UserAddr, length: number, fd: HostFd, offset: number): number {
    return this.#transfer(NR.pread64, addr, length, fd, offset);
  }
  writeFile(addr: UserAddr, length: number, fd: HostFd, offset: number): number {
    return this.#transfer(NR.pwrite64, addr, length, fd, offset);
  }
  #transfer(nr: number, addr: UserAddr, length: number, fd: HostFd, offset: number): number {
    const stubFd = this.#stubFile(fd);
    const r = this.calls.call(nr, stubFd, addr, length, offset);
    if (r > length) throw new GuestBroken('more bytes moved than asked for');
    return r;
  }

  // Copying

  read(addr: UserAddr, into: Uint8Array): number {
    return this.#copy(addr, into, 'in');
  }
  write(addr: UserAddr, from: Uint8Array): number {
    return this.#copy(addr, from, 'out');
  }

  #copy(addr: UserAddr, bytes: Uint8Array, direction: CopyDirection): number {
    this.calls.complete();
    return copyGuestMemory(this.hostPid, addr, bytes, direction);
  }

  // Accounting

  /** Exact where the thread stands still and can say so itself; else as /proc has it, some ticks late. */
  cpuTimeOf(context: SystrapContext): CpuTimes {
    if (this.#areas === 1) return this.usage();
    const exact = context.stopped && !this.released ? this.#exactTime(context) : 0;
    return threadTimes(this.hostPid, context.hostTid, exact);
  }

  #exactTime(context: SystrapContext): number {
    this.calls.carryBy(context);
    const r = this.calls.call(
      NR.clock_gettime,
      CLOCK_THREAD_CPUTIME_ID,
      context.area.stubAddress + word.DATA,
    );
    return r < 0 ? 0 : context.area.u64(word.DATA) * NS_PER_SEC + context.area.u64(word.DATA + 8);
  }

  residentBytes(): number {
    return residentBytes(this.hostPid);
  }
  /** By the process's own getrusage(2), left in an area's DATA: a tenth of what /proc costs at every exit. */
  usage(): Usage {
    if (this.calls.possible) {
      const { area } = this.calls.ready();
      if (this.calls.call(NR.getrusage, 0, area.stubAddress + word.DATA) === 0) {
        const ns = (at: number): number => area.u64(at) * NS_PER_SEC + area.u64(at + 8) * NS_PER_US;
        const peakResidentBytes = area.u64(RUSAGE.MAXRSS_KIB) * 1024;
        return { user: ns(RUSAGE.UTIME), system: ns(RUSAGE.STIME), peakResidentBytes };
      }
    }
    return processUsage(this.hostPid);
  }
}
