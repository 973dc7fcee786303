/**
 * The home half of a process that runs on another shard: what stands in its task's place for an address
 * space and a context. System calls come in messages and their outcomes go back in messages; memory is
 * the body's. See docs/decisions/0032.
 */
import { E } from '../../abi/errno.js';
import { Bug } from '../../base/assert.js';
import { type HostFd, type UserAddr, userAddr } from '../../base/brand.js';
import type {
  AddressSpace,
  Context,
  ContextImage,
  ForeignMemory,
  LaneCall,
  RegisterSet,
  RestoredFrame,
  Trap,
  Usage,
} from '../../platform/platform.js';
import type { HostFiles } from '../fs/host-files.js';
import type { Restart } from '../outcome.js';
import { CannotSave } from '../save/graph.js';
import type { CpuTime } from '../task/thread-group.js';
import type { ForwardedOutcome } from './conversation.js';
import { asksForSignals } from './lane-calls.js';

/** File data on its way to or from a body; a transfer waits for nothing, so one will do for all. */
const transfer = new Uint8Array(65_536);
const ONLY_THE_BODY = 'a deputy runs no guest code';

/** What run.ts returns for calls to be restarted: include/linux/errno.h. */
const RULES: Readonly<Record<number, Restart['rule']>> = {
  512: 'ifSaRestart',
  513: 'always',
  514: 'unlessHandled',
  516: 'block',
};

/** What a deputy's context tells, and whom: home-desk.ts. */
export interface DeputyEvents {
  /** The body may run (for the first time). */
  started(context: DeputyContext): void;
  finished(context: DeputyContext, outcome: ForwardedOutcome): void;
  /** The task ended at home, whatever its body does. */
  released(context: DeputyContext): void;
  /** Somebody wants the task to look for stops and kills: as soon as it is not in the middle of things. */
  interrupted(context: DeputyContext): void;
}

export interface ForwardedCall {
  readonly number: number;
  /** Low and high halves of six arguments. */
  readonly args: ArrayLike<number>;
}

export class DeputySpace implements AddressSpace {
  readonly first: DeputyContext;
  /** What the host says at the body's end, when its process is gone: the figures that outlive it. */
  final: Usage | undefined;

  private _hostPid: number;
  private _memory: ForeignMemory;

  constructor(
    hostPid: number,
    readonly files: Pick<HostFiles, 'pread' | 'pwrite'>,
    readonly events: DeputyEvents,
    readonly foreignMemory: (hostPid: number) => ForeignMemory,
  ) {
    this._hostPid = hostPid;
    this._memory = foreignMemory(hostPid);
    this.first = new DeputyContext(this);
  }

  get hostPid(): number {
    return this._hostPid;
  }

  /** The child's body is made; threads share their maker's memory, which is known. */
  bornAs(hostPid: number): void {
    if (this._hostPid !== 0) return;
    this._hostPid = hostPid;
    this._memory = this.foreignMemory(hostPid);
  }

  // Mappings are the body's.
  map(): void {}
  unmap(): void {}
  protect(): void {}
  remap(): void {}
  clear(): void {}
  readonly reusable = false;
  advise(): number {
    return 0;
  }
  sync(): number {
    return 0;
  }
  touched(): number {
    return -E.ENOSYS;
  }
  resident(): number {
    return -E.ENOSYS;
  }
  flush(): number {
    return 0;
  }
  forgetFile(): void {}
  release(): void {}
  markWord(): number {
    return -E.ENOSYS;
  }
  barrier(): number {
    return -E.ENOSYS;
  }

  read(addr: UserAddr, into: Uint8Array): number {
    return this._memory.read(addr, into);
  }
  write(addr: UserAddr, from: Uint8Array): number {
    return this._memory.write(addr, from);
  }

  readFile(addr: UserAddr, length: number, fd: HostFd, offset: number): number {
    for (let done = 0; done < length; ) {
      const got = this.files.pread(
        fd,
        transfer.subarray(0, Math.min(length - done, transfer.length)),
        offset + done,
      );
      if (got <= 0) return done > 0 ? done : got;
      const put = this.write(userAddr(addr + done), transfer.subarray(0, got));
      done += put;
      if (put < got) return done > 0 ? done : -E.EFAULT;
    }
    return length;
  }

  writeFile(addr: UserAddr, length: number, fd: HostFd, offset: number): number {
    for (let done = 0; done < length; ) {
      const part = transfer.subarray(0, Math.min(length - done, transfer.length));
      const got = this.read(userAddr(addr + done), part);
      if (got === 0) return done > 0 ? done : -E.EFAULT;
      const put = this.files.pwrite(fd, part.subarray(0, got), offset + done);
      if (put < 0) return done > 0 ? done : put;
      done += put;
      if (put < part.length) return done;
    }
    return length;
  }

  createContext(): DeputyContext {
    return new DeputyContext(this);
  }
  /** Of a child whose host process is not known yet: `bornAs` brings it. */
  fork(): DeputySpace {
    return this.at(0);
  }
  at(hostPid: number): DeputySpace {
    const { files, events, foreignMemory } = this;
    return new DeputySpace(hostPid, files, events, foreignMemory);
  }

  residentBytes(): number {
    return this.final ? 0 : this._memory.residentBytes();
  }
  usage(): Usage {
    return this.final ?? this._memory.usage();
  }
}

export class DeputyContext implements Context {
  /** Still known when the context is let go of. */
  lastOwner: unknown;
  private _owner: unknown;
  singleStep = false;
  readonly trap: Trap = {
    kind: 'syscall',
    signo: 0,
    code: 0,
    addr: userAddr(0),
    error: 0,
    trapno: 0,
  };
  private _call: ForwardedCall | undefined;
  /** The same, where it came by the lane: its guest waits for it here. */
  private _byLane: LaneCall | undefined;
  private _endsByMessage = false;
  /** Its body was seen to wait for something there. */
  sleeps = false;
  private _returned = 0;
  private _number = -1;
  private _released = false;
  /** Its body has ended: nothing is to be told to it. */
  bodyEnded = false;

  constructor(readonly addressSpace: DeputySpace) {}

  get owner(): unknown {
    return this._owner;
  }
  set owner(task: unknown) {
    this._owner = task;
    if (task !== undefined) this.lastOwner = task;
  }

  /** A call came from the body; the run loop takes it as a trap. */
  begin(call: ForwardedCall, byLane?: LaneCall): void {
    this._call = call;
    this._byLane = byLane;
    this._endsByMessage = false;
    this.sleeps = false;
    this._number = call.number;
    this._returned = 0;
    this.trap.kind = 'syscall';
  }

  /** Nobody waits for the outcome any more. */
  forget(): void {
    this._call = undefined;
    this._byLane = undefined;
  }

  /** Something was told to the body that it must hear of before the call ends: then that goes the same way. */
  endByMessage(): void {
    this._endsByMessage = true;
  }

  /** It has a call here that came by the lane, with its signal mask. */
  get callsByLane(): boolean {
    return this._byLane !== undefined;
  }

  get stopped(): boolean {
    return this._call !== undefined;
  }

  syscallNumber(): number {
    return this._number;
  }
  argLo(index: number): number {
    return this._call?.args[2 * index] ?? 0;
  }
  argHi(index: number): number {
    return this._call?.args[2 * index + 1] ?? 0;
  }
  setReturn(value: number): void {
    this._returned = value;
  }
  getReturn(): { lo: number; hi: number } {
    return { lo: this._returned >>> 0, hi: Math.floor(this._returned / 0x1_0000_0000) >>> 0 };
  }
  /** The body rewinds; here it is enough to know that the call did not come to an end. */
  rewindSyscall(): void {}

  resume(): void {
    const { events } = this.addressSpace;
    if (!this._call) {
      events.started(this);
      return;
    }
    this._call = undefined;
    const value = this._returned;
    const rule = value < 0 ? RULES[-value] : undefined;
    const byLane = this._byLane;
    if (byLane) {
      this._byLane = undefined;
      const plain = !rule && !this._endsByMessage && !asksForSignals(this._number, value);
      if (plain && byLane.answer(value)) return;
      byLane.handOver();
    }
    events.finished(this, rule ? { type: 'restart', rule } : { type: 'returned', value });
  }

  interrupt(): void {
    this.addressSpace.events.interrupted(this);
  }

  release(): void {
    if (this._released) return;
    this._released = true;
    this.addressSpace.events.released(this);
  }

  /** Only where its body is can it be told: getcpu(2) is answered there. */
  hostCpu(): number {
    return 0;
  }

  /** The process behind it is told its CPU time as a whole; its threads are not told apart. */
  cpuTime(): CpuTime {
    const { user, system } = this.addressSpace.usage();
    return { user, system };
  }

  reset(): void {}
  setSp(): void {}
  getPc(): UserAddr {
    return userAddr(0);
  }
  getSp(): UserAddr {
    return userAddr(0);
  }
  getThreadPointer(): UserAddr {
    return userAddr(0);
  }
  setThreadPointer(): void {}
  getGsBase(): UserAddr {
    return userAddr(0);
  }
  setGsBase(): void {}
  pushSignalFrame(): boolean {
    throw new Bug(ONLY_THE_BODY);
  }
  popSignalFrame(): RestoredFrame | undefined {
    throw new Bug(ONLY_THE_BODY);
  }
  image(): ContextImage {
    throw new CannotSave('processes on several shards cannot be saved');
  }
  restore(): boolean {
    return false;
  }

  readRegisters(_set: RegisterSet): Uint8Array {
    return new Uint8Array(0);
  }
  writeRegisters(): boolean {
    return false;
  }
}
