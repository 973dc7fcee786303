/**
 * One guest thread: what its trap was, its registers, and how it goes on.
 *
 * Life: stopped (registers valid) → resume → running → the stub reports a trap → stopped. Guests die
 * of nonsense by GuestBroken, thrown from `report`.
 */
import { assert } from '../../base/assert.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import {
  type Context,
  type ContextImage,
  GuestBroken,
  type RegisterSet,
  type RestoredFrame,
  type SignalFrame,
  type Trap,
} from '../platform.js';
import type { SystrapAddressSpace } from './address-space.unsafe.js';
import { ANYWHERE } from './cores.unsafe.js';
import type { LaneEnd } from './lane.js';
import { INTERRUPT_SIGNAL, OpFlag, Report, State, area as word } from './layout.js';
import { processorOf } from './process-times.unsafe.js';
import {
  possibleExtended,
  readExtended,
  readFloating,
  readGeneral,
  writeExtended,
  writeFloating,
  writeGeneral,
} from './register-image.js';
import { popFrame, pushFrame, resetFpState, setSelectors } from './signal-frame.js';
import { greg, type ThreadArea, ucontext } from './thread-area.js';

const SIGTRAP = 5;
const SIGSEGV = 11;
const SIGSYS = 31;
/** #GP */
const GENERAL_PROTECTION = 13;
const RDTSC = [0x0f, 0x31] as const;
const RDTSCP = [0x0f, 0x01, 0xf9] as const;
const AUDIT_ARCH_X86_64 = 0xc000_003e;
/** Registers of a system call's arguments, in order. */
const ARGUMENTS = [greg.RDI, greg.RSI, greg.RDX, greg.R10, greg.R8, greg.R9] as const;
const SYSCALL_INSTRUCTION_LENGTH = 2;
const USER_EFLAGS = 0x202;
/** The trap flag: a debug exception after each instruction. */
const TRAP_FLAG = 0x100;
const ENOSYS = 38;
const ARCH_PRCTL = 158;
const [ARCH_SET_GS, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS] = [0x1001, 0x1002, 0x1003, 0x1004] as const;
/** Number of a system call made by another ABI's entry: no table has it. */
const FOREIGN_CALL = -1;

export class SystrapContext implements Context {
  owner: unknown = undefined;
  readonly trap: Trap = { kind: 'interrupt', signo: 0, code: 0, addr: userAddr(0), error: 0, trapno: 0 };
  stopped = false;
  /** When the shard began to want it stopped and when it last said so, ns; 0 when it does not. */
  interruptedSince = 0;
  lastInterruptNs = 0;
  released = false;
  singleStep = false;
  /** The one core that it may run on, or ANYWHERE (cores.unsafe.ts). */
  core = ANYWHERE;
  /** When it last went on, ns, where somebody wants to know. */
  wentOn = 0;
  /** For so many turns it is not to share the shard's core. */
  turnsAway = 0;
  /** It is led out of where it may not stand, step by step (guest-clock.ts). */
  leaving = false;
  /** The trap flag of the saved registers is ours, not the guest's. */
  #stepping = false;
  #syscall = FOREIGN_CALL;
  /** The result register holds a result, no longer the number of the call. */
  #returned = true;
  /** Bases that are to be set when it goes on. */
  #threadPointer: UserAddr | undefined;
  #gsBase: UserAddr | undefined;

  constructor(
    readonly addressSpace: SystrapAddressSpace,
    readonly area: ThreadArea,
    /** Index among the areas of its address space. */
    readonly index: number,
    /** Index among the contexts of the platform. */
    readonly slot: number,
    /** Its end of the lane to the home, where there is one. */
    readonly lane?: LaneEnd | undefined,
  ) {}

  /** True when the stub has reported a trap that nobody has taken. */
  get hasTrapped(): boolean {
    if (this.stopped || this.released) return false;
    const s = this.area.state;
    if (s !== State.TRAPPED && s !== State.PARKED) return false;
    return this.lane === undefined || this.lane.take(this.interruptedSince !== 0);
  }

  get callBegun(): boolean {
    return this.lane?.begun === true;
  }
  get callsHome(): number | undefined {
    return this.lane?.table.calls(this.slot);
  }
  setLaneOwner(tid: number, maskLo: number, maskHi: number): void {
    this.lane?.setOwner(tid, maskLo, maskHi);
  }

  /** Takes the trap: from now on the context is stopped. */
  takeTrap(): void {
    const area = this.area;
    this.stopped = true;
    this.interruptedSince = 0;
    const signo = area.signo;
    if (signo === Report.FAILED) this.addressSpace.calls.failed(this);
    area.takeFrame();
    if (this.#stepping) {
      this.#stepping = false;
      area.setReg(greg.EFLAGS, area.regLo(greg.EFLAGS) & ~TRAP_FLAG);
    }
    if (signo === SIGSYS) {
      const info = area.infoOffset();
      this.trap.kind = 'syscall';
      this.#returned = false;
      this.#syscall = area.word(info + 28) === AUDIT_ARCH_X86_64 ? area.regLo(greg.RAX) : FOREIGN_CALL;
    } else {
      this.#takeSignal(signo);
    }
  }

  #takeSignal(signo: number): void {
    const { area, trap } = this;
    this.#syscall = FOREIGN_CALL;
    this.#returned = true;
    const info = area.infoOffset();
    const code = area.view.getInt32(info + 8, true);
    // Code ≤ 0 means that some process sent it: not what running the code did.
    if (signo === INTERRUPT_SIGNAL || code <= 0) {
      trap.kind = 'interrupt';
      return;
    }
    if (signo > SIGSYS) throw new GuestBroken(`trap with signal ${signo}`);
    trap.kind = 'fault';
    trap.signo = signo;
    trap.code = code;
    trap.addr = userAddr(area.u64(info + 16));
    trap.error = area.regLo(greg.ERR);
    trap.trapno = area.regLo(greg.TRAPNO);
  }

  syscallNumber(): number {
    return this.#syscall;
  }
  argLo(index: number): number {
    return this.area.regLo(ARGUMENTS[index] as number);
  }
  argHi(index: number): number {
    return this.area.regHi(ARGUMENTS[index] as number);
  }
  setReturn(value: number): void {
    this.#returned = true;
    this.area.setReg(greg.RAX, value);
  }
  getReturn(): { lo: number; hi: number } {
    return { lo: this.area.regLo(greg.RAX), hi: this.area.regHi(greg.RAX) };
  }
  rewindSyscall(number = this.#syscall): void {
    this.area.setReg(greg.RAX, number);
    this.area.setReg(greg.RIP, this.area.reg(greg.RIP) - SYSCALL_INSTRUCTION_LENGTH);
  }

  getPc(): UserAddr {
    return userAddr(this.area.reg(greg.RIP));
  }
  getSp(): UserAddr {
    return userAddr(this.area.reg(greg.RSP));
  }
  setSp(sp: UserAddr): void {
    this.area.setReg(greg.RSP, sp);
  }

  reset(pc: UserAddr, sp: UserAddr): void {
    for (let r = 0; r <= greg.EFLAGS; r++) this.area.setReg(r, 0);
    this.area.setReg(greg.RIP, pc);
    this.area.setReg(greg.RSP, sp);
    this.area.setReg(greg.EFLAGS, USER_EFLAGS);
    setSelectors(this.area);
    resetFpState(this.area);
    this.area.setU64(this.area.frame + ucontext.SIGMASK, 0);
    this.setThreadPointer(userAddr(0));
    this.setGsBase(userAddr(0));
  }

  getThreadPointer(): UserAddr {
    return this.#baseOf(ARCH_GET_FS);
  }
  setThreadPointer(addr: UserAddr): void {
    this.#threadPointer = addr;
  }
  getGsBase(): UserAddr {
    return this.#baseOf(ARCH_GET_GS);
  }
  setGsBase(addr: UserAddr): void {
    this.#gsBase = addr;
  }
  /** Asked of the host: with FSGSBASE a guest may have changed it without a call. */
  #baseOf(which: number): UserAddr {
    this.applyBases();
    return userAddr(this.addressSpace.segmentBaseOf(this, which));
  }
  /** Queues the pending changes of segment bases, which only the thread itself can make. */
  applyBases(): void {
    if (this.#threadPointer !== undefined) this.#setBase(ARCH_SET_FS, this.#threadPointer);
    if (this.#gsBase !== undefined) this.#setBase(ARCH_SET_GS, this.#gsBase);
    this.#threadPointer = undefined;
    this.#gsBase = undefined;
  }
  #setBase(which: number, addr: UserAddr): void {
    this.area.pushOp(OpFlag.MAY_FAIL, ARCH_PRCTL, which, addr);
  }

  pushSignalFrame(frame: SignalFrame): boolean {
    return pushFrame(this.area, this.addressSpace, frame);
  }
  popSignalFrame(): RestoredFrame | undefined {
    // Linux: orig_ax = -1, so that nothing is taken for an interrupted call.
    this.#syscall = FOREIGN_CALL;
    this.#returned = true;
    return popFrame(this.area, this.addressSpace);
  }

  readRegisters(set: RegisterSet): Uint8Array {
    switch (set) {
      case 'general':
        return readGeneral(this.area, {
          syscall: this.#syscall,
          threadPointer: this.getThreadPointer(),
          gsBase: this.getGsBase(),
          result: this.#returned ? undefined : -ENOSYS,
        });
      case 'floating':
        return readFloating(this.area);
      case 'extended':
        return readExtended(this.area);
    }
  }
  writeRegisters(set: RegisterSet, image: Uint8Array): boolean {
    switch (set) {
      case 'general': {
        const written = writeGeneral(this.area, image);
        if (!written) return false;
        this.#returned = true;
        if (written.syscall !== undefined) this.#syscall = written.syscall;
        if (written.threadPointer !== undefined) this.setThreadPointer(userAddr(written.threadPointer));
        if (written.gsBase !== undefined) this.setGsBase(userAddr(written.gsBase));
        return true;
      }
      case 'floating':
        return writeFloating(this.area, image);
      case 'extended':
        return writeExtended(this.area, image);
    }
  }

  hostCpu(): number {
    return processorOf(this.addressSpace.hostPid, this.hostTid);
  }

  image(): ContextImage {
    const [threadPointer, gsBase] = [this.getThreadPointer(), this.getGsBase()];
    const facts = { syscall: this.#syscall, threadPointer, gsBase, result: undefined };
    return {
      general: readGeneral(this.area, facts),
      extended: readExtended(this.area),
      trap: { ...this.trap },
      syscall: this.#syscall,
      returned: this.#returned,
    };
  }

  restore(image: ContextImage, { partly = false }: { readonly partly?: boolean } = {}): boolean {
    const general = writeGeneral(this.area, image.general);
    if (!general) return false;
    const extended = partly ? possibleExtended(this.area, image.extended) : image.extended;
    if (extended.length > 0 && !writeExtended(this.area, extended)) return false;
    this.setThreadPointer(userAddr(general.threadPointer ?? 0));
    this.setGsBase(userAddr(general.gsBase ?? 0));
    Object.assign(this.trap, image.trap);
    this.#syscall = image.syscall;
    this.#returned = image.returned;
    return true;
  }

  cpuTime(): { user: number; system: number } {
    return this.addressSpace.cpuTimeOf(this);
  }

  resume(): void {
    assert(this.stopped && !this.released, 'only a stopped context can be resumed');
    if ((this.singleStep || this.leaving) && !(this.area.regLo(greg.EFLAGS) & TRAP_FLAG)) {
      this.#stepping = true;
      this.area.setReg(greg.EFLAGS, this.area.regLo(greg.EFLAGS) | TRAP_FLAG);
    }
    if (this.#threadPointer !== undefined || this.#gsBase !== undefined) this.applyBases();
    this.stopped = false;
    this.addressSpace.go(this);
  }

  /** It was stopped where it may not stand: true when it is to take one more step; false when that is its own fault. */
  leave(): boolean {
    const { kind, signo } = this.trap;
    if (kind !== 'interrupt' && !(kind === 'fault' && signo === SIGTRAP)) return false;
    this.leaving = true;
    return true;
  }

  /** It is out: the last step was the interrupt that was wanted, unless somebody traces its steps. */
  left(): void {
    this.leaving = false;
    const { trap } = this;
    if (trap.kind === 'fault' && trap.signo === SIGTRAP && !this.singleStep) trap.kind = 'interrupt';
  }

  /**
   * If it trapped because it may not read the processor's time stamp: it has read this instead, and true.
   * PR_SET_TSC of prctl(2); RDTSC and RDTSCP of the SDM, vol. 2.
   */
  answerTimestamp(read: () => bigint): boolean {
    const { kind, signo, trapno, error } = this.trap;
    if (kind !== 'fault' || signo !== SIGSEGV || trapno !== GENERAL_PROTECTION || error !== 0) return false;
    const code = new Uint8Array(RDTSCP.length);
    const n = this.addressSpace.read(this.getPc(), code);
    const is = (instruction: readonly number[]): boolean =>
      n >= instruction.length && instruction.every((byte, i) => byte === code[i]);
    const length = is(RDTSC) ? RDTSC.length : is(RDTSCP) ? RDTSCP.length : 0;
    if (length === 0) return false;
    const now = read();
    this.area.setReg64(greg.RAX, Number(now & 0xffff_ffffn), 0);
    this.area.setReg64(greg.RDX, Number((now >> 32n) & 0xffff_ffffn), 0);
    // Which processor it was on: as getcpu(2) has it, any will do.
    if (length === RDTSCP.length) this.area.setReg64(greg.RCX, 0, 0);
    this.area.setReg(greg.RIP, this.area.reg(greg.RIP) + length);
    return true;
  }

  interrupt(): void {
    if (this.stopped || this.released || this.interruptedSince !== 0) return;
    this.addressSpace.interrupt(this);
  }

  release(): void {
    if (this.released) return;
    assert(this.stopped, 'only a stopped context can be released');
    this.addressSpace.exitContext(this);
    this.stopped = false;
    this.released = true;
  }

  /** Thread id in the host, for interrupts only: the word is the guest's to change. */
  get hostTid(): number {
    return this.index === 0 ? this.addressSpace.hostPid : this.area.word(word.HOST_TID);
  }
}
