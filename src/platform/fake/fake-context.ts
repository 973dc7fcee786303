/**
 * A fake guest thread: runs a GuestProgram step by step. Signal handlers are programs too, found by
 * address; one that ends calls rt_sigreturn.
 */
import { NR } from '../../abi/numbers.js';
import { assert, present } from '../../base/assert.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import type { Context, ContextImage, RegisterSet, RestoredFrame, SignalFrame, Trap } from '../platform.js';
import type { FakeAddressSpace } from './fake-address-space.js';
import type { GuestProgram, GuestRun, GuestStep } from './guest-program.js';

interface Registers {
  pc: UserAddr;
  sp: UserAddr;
  threadPointer: UserAddr;
  gsBase: UserAddr;
}

interface Saved {
  readonly run: GuestRun;
  readonly step: GuestStep | undefined;
  readonly returned: number;
  readonly again: boolean;
  readonly registers: Registers;
  readonly frame: SignalFrame;
}

const TWO32 = 0x1_0000_0000;
/** struct user_regs_struct, in words. */
const REGISTERS = 27;
const AT_RESULT = 10;
const AT_CALL = 15;
const AT_PC = 16;
const AT_SP = 19;
const FRAME_SIZE = 1024;

export class FakeContext implements Context {
  owner: unknown;
  readonly trap: Trap = {
    kind: 'syscall',
    signo: 0,
    code: 0,
    addr: userAddr(0),
    error: 0,
    trapno: 0,
  };
  stopped = true;
  interrupted = false;
  released = false;
  singleStep = false;
  cpu = { user: 0, system: 0 };
  /** The siginfo and mask that the running handler was given. */
  frames: Saved[] = [];
  #run: GuestRun;
  #step: GuestStep | undefined;
  #returned = 0;
  /** The step is to be made anew (a rewound system call, or computing that was interrupted). */
  #again = false;
  #registers: Registers = {
    pc: userAddr(0),
    sp: userAddr(0),
    threadPointer: userAddr(0),
    gsBase: userAddr(0),
  };

  constructor(
    readonly addressSpace: FakeAddressSpace,
    program: GuestProgram,
  ) {
    this.#run = program(this);
  }

  /** A context with the registers of this one, which runs what the current call names for its child. */
  childIn(space: FakeAddressSpace): FakeContext {
    const step = this.#step;
    const program = step?.type === 'syscall' ? step.child : undefined;
    const child = new FakeContext(space, present(program, 'program of the child'));
    child.#registers = { ...this.#registers };
    return child;
  }

  get frame(): SignalFrame {
    return present(this.frames.at(-1), 'signal frame').frame;
  }

  syscallNumber(): number {
    return this.#step?.type === 'syscall' ? this.#step.number : -1;
  }
  argLo(index: number): number {
    return this.#arg(index) >>> 0;
  }
  argHi(index: number): number {
    return Math.floor(this.#arg(index) / TWO32) >>> 0;
  }
  setReturn(value: number): void {
    assert(this.stopped, 'registers of a running guest');
    this.#returned = value;
  }
  getReturn(): { lo: number; hi: number } {
    return { lo: this.#returned >>> 0, hi: Math.floor(this.#returned / TWO32) >>> 0 };
  }
  rewindSyscall(number?: number): void {
    // The registers of the arguments are as they were.
    const args = this.#step?.type === 'syscall' ? this.#step.args : [];
    if (number !== undefined) this.#step = { type: 'syscall', number, args };
    this.#again = true;
  }
  getPc(): UserAddr {
    return this.#registers.pc;
  }
  getSp(): UserAddr {
    return this.#registers.sp;
  }
  reset(pc: UserAddr, sp: UserAddr): void {
    this.#registers = { pc, sp, threadPointer: userAddr(0), gsBase: userAddr(0) };
    this.#run = this.addressSpace.platform.programAt(pc)(this);
    this.#step = undefined;
  }
  setSp(sp: UserAddr): void {
    this.#registers.sp = sp;
  }
  getThreadPointer(): UserAddr {
    return this.#registers.threadPointer;
  }
  setThreadPointer(addr: UserAddr): void {
    this.#registers.threadPointer = addr;
  }
  getGsBase(): UserAddr {
    return this.#registers.gsBase;
  }
  setGsBase(addr: UserAddr): void {
    this.#registers.gsBase = addr;
  }

  pushSignalFrame(frame: SignalFrame): boolean {
    const top = frame.stackTop === 0 ? this.#registers.sp : frame.stackTop;
    const sp = userAddr(top - FRAME_SIZE);
    const size = new Uint8Array(FRAME_SIZE);
    size.set(frame.info);
    if (this.addressSpace.write(sp, size) !== FRAME_SIZE) return false;
    this.frames.push({
      run: this.#run,
      step: this.#step,
      returned: this.#returned,
      again: this.#again,
      registers: { ...this.#registers },
      frame,
    });
    this.#registers.sp = sp;
    this.#run = this.#handler(frame.handler);
    this.#step = undefined;
    this.#again = false;
    return true;
  }

  popSignalFrame(): RestoredFrame | undefined {
    const saved = this.frames.pop();
    if (!saved) return undefined;
    this.#run = saved.run;
    this.#step = saved.step;
    this.#returned = saved.returned;
    this.#again = saved.again;
    this.#registers = saved.registers;
    return saved.frame;
  }

  /** All zeros but the stack pointer, program counter and call, each in its place on x86-64. */
  readRegisters(set: RegisterSet): Uint8Array {
    if (set !== 'general') return new Uint8Array(0);
    const image = new BigInt64Array(REGISTERS);
    image[AT_RESULT] = BigInt(this.#returned);
    image[AT_CALL] = BigInt(this.syscallNumber());
    image[AT_PC] = BigInt(this.#registers.pc);
    image[AT_SP] = BigInt(this.#registers.sp);
    return new Uint8Array(image.buffer);
  }
  writeRegisters(set: RegisterSet, image: Uint8Array): boolean {
    if (set !== 'general' || image.length < REGISTERS * 8) return false;
    const words = new BigInt64Array(image.slice().buffer);
    this.#returned = Number(words[AT_RESULT]);
    this.#registers.sp = userAddr(Number(words[AT_SP]));
    return true;
  }
  hostCpu(): number {
    return 0;
  }
  image(): ContextImage {
    const general = this.readRegisters('general');
    const syscall = this.syscallNumber();
    return { general, extended: new Uint8Array(0), trap: { ...this.trap }, syscall, returned: true };
  }
  /** A program here is a generator, which nobody can begin in the middle. */
  restore(): boolean {
    return false;
  }
  cpuTime(): { user: number; system: number } {
    return { ...this.cpu };
  }

  resume(): void {
    assert(this.stopped && !this.released, 'resume of a guest that runs or is gone');
    this.stopped = false;
    this.addressSpace.platform.ready(this);
  }
  interrupt(): void {
    this.interrupted = true;
    this.addressSpace.platform.ready(this);
  }
  release(): void {
    this.released = true;
  }

  /** Runs until the next trap; false when the guest goes on computing. */
  advance(): boolean {
    if (this.interrupted) {
      this.interrupted = false;
      this.#trapped('interrupt');
      return true;
    }
    const step = this.#nextStep();
    if (step.type === 'compute') {
      this.#again = !step.until();
      return this.#again ? false : this.advance();
    }
    if (step.type === 'fault') {
      this.#again = true;
      this.trap.signo = step.signo;
      this.trap.code = step.code;
      this.trap.addr = step.addr;
      this.#trapped('fault');
      return true;
    }
    this.#trapped('syscall');
    return true;
  }

  #trapped(kind: Trap['kind']): void {
    // An interrupt leaves what the guest is at for later.
    if (kind === 'interrupt' && this.#step?.type === 'compute') this.#again = true;
    this.trap.kind = kind;
    this.stopped = true;
  }

  #nextStep(): GuestStep {
    if (this.#again && this.#step) {
      this.#again = false;
      return this.#step;
    }
    const next = this.#run.next(this.#returned);
    // A program that ends without saying so has crashed; a handler returns.
    this.#step = next.done ? { type: 'syscall', number: NR.rt_sigreturn, args: [] } : next.value;
    return this.#step;
  }

  *#handler(address: UserAddr): GuestRun {
    yield* this.addressSpace.platform.programAt(address)(this);
  }

  #arg(index: number): number {
    return this.#step?.type === 'syscall' ? (this.#step.args[index] ?? 0) : 0;
  }
}
