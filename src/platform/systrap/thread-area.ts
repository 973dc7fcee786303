/**
 * The shard's view of one thread area (layout.ts): the trap protocol's words, the host calls, and the
 * frame that the host kernel wrote. All of it may change under our eyes: each word is read once, and
 * offsets taken from it are checked before they are used.
 */
import { GuestBroken } from '../platform.js';
import { AREA_SIZE, area, CONTROL_SIZE, MAX_OPS, OP_SIZE, OpFlag, op, STUB_SOCKET, State } from './layout.js';

const SYS_RECVMSG = 47;

/** Word indices (32-bit) of the fields in an Int32Array over the area. */
const w = (offset: number): number => offset >> 2;
const STATE = w(area.STATE);
const OPS = w(area.OPS);
const TWO32 = 0x1_0000_0000;

/** Offsets in struct ucontext and struct sigcontext, arch/x86/include/uapi/asm. */
export const ucontext = { STACK: 16, GREGS: 40, FPSTATE: 40 + 184, SIGMASK: 296, SIZE: 304 } as const;
/** Order of the registers in sigcontext. */
export const greg = {
  R8: 0, R9: 1, R10: 2, R11: 3, R12: 4, R13: 5, R14: 6, R15: 7,
  RDI: 8, RSI: 9, RBP: 10, RBX: 11, RDX: 12, RAX: 13, RCX: 14, RSP: 15,
  RIP: 16, EFLAGS: 17, CSGSFSSS: 18, ERR: 19, TRAPNO: 20, OLDMASK: 21, CR2: 22,
} as const; // biome-ignore format: one line a row of the struct

/** Calls that must go in one batch: a fork's, or those that pass a file. */
const GROUP = 4;

export class ThreadArea {
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Byte offset of the current frame's ucontext; 0 when none was taken. */
  frame = 0;
  #ops = 0;

  constructor(
    buffer: ArrayBuffer,
    /** Where the area lies in the stub process. */
    readonly stubAddress: number,
    /** Where it lies in this one, for futex calls. */
    readonly hostAddress: number,
  ) {
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Makes it ready for a thread that is to be. */
  prepare(slot: number): void {
    this.i32.fill(0, 0, w(area.OPS));
    this.u32[w(area.SLOT)] = slot + 1;
    this.setU64(area.STACK_T, this.stubAddress + area.STACK);
    this.setU64(area.STACK_T + 16, AREA_SIZE - area.STACK);
  }

  get state(): number {
    return Atomics.load(this.i32, STATE);
  }

  /** Hands control to the stub; true when it sleeps and must be woken. */
  go(how: typeof State.GO_RUN | typeof State.GO_CALL): boolean {
    return Atomics.exchange(this.i32, STATE, how) === State.PARKED;
  }

  get signo(): number {
    return this.word(area.SIGNO);
  }
  get hostTid(): number {
    return this.word(area.HOST_TID);
  }
  set spin(iterations: number) {
    this.u32[w(area.SPIN)] = iterations;
  }

  word(offset: number): number {
    return this.u32[offset >> 2] as number;
  }
  setWord(offset: number, value: number): void {
    this.u32[offset >> 2] = value;
  }
  u64(offset: number): number {
    return (this.u32[(offset >> 2) + 1] as number) * TWO32 + (this.u32[offset >> 2] as number);
  }
  setU64(offset: number, value: number): void {
    this.u32[offset >> 2] = value >>> 0;
    this.i32[(offset >> 2) + 1] = Math.floor(value / TWO32);
  }

  // Host calls

  get opsQueued(): number {
    return this.#ops;
  }
  /** One place is kept for the change of the thread pointer that goes along with a resume. */
  get opsFull(): boolean {
    return this.#ops >= MAX_OPS - 1;
  }
  /** No room for calls that belong together: the four of a fork, or of a mapped file. */
  get groupFull(): boolean {
    return this.#ops > MAX_OPS - 1 - GROUP;
  }

  pushOp(flags: number, nr: number, a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0): void {
    const at = area.OPS + this.#ops++ * OP_SIZE;
    this.setWord(at + op.NR, nr);
    this.setWord(at + op.FLAGS, flags);
    this.setU64(at + op.ARGS, a0);
    this.setU64(at + op.ARGS + 8, a1);
    this.setU64(at + op.ARGS + 16, a2);
    this.setU64(at + op.ARGS + 24, a3);
    this.setU64(at + op.ARGS + 32, a4);
    this.setU64(at + op.ARGS + 40, a5);
  }

  /** Queues a recvmsg that takes the descriptors sent last into FD_FIRST and FD_SECOND. */
  pushReceive(): void {
    const at = this.stubAddress;
    for (let i = area.MSGHDR; i < area.CONTROL + CONTROL_SIZE; i += 4) this.setWord(i, 0);
    this.setU64(area.MSGHDR + 16, at + area.IOVEC);
    this.setU64(area.MSGHDR + 24, 1);
    this.setU64(area.MSGHDR + 32, at + area.CONTROL);
    this.setU64(area.MSGHDR + 40, CONTROL_SIZE);
    this.setU64(area.IOVEC, at + area.MSG_DATA);
    this.setU64(area.IOVEC + 8, 1);
    this.pushOp(OpFlag.RECEIVE, SYS_RECVMSG, STUB_SOCKET, at + area.MSGHDR, 0);
  }

  /** Publishes the queued host calls for the next GO; returns how many. */
  sealOps(): number {
    const n = this.#ops;
    this.setWord(area.OP_COUNT, n);
    this.#ops = 0;
    return n;
  }

  /** Host calls that the stub has not completed. */
  get opsLeft(): number {
    return Atomics.load(this.i32, w(area.OP_COUNT));
  }

  opResult(index: number): number {
    const at = (OPS << 2) + index * OP_SIZE + op.RESULT;
    return (this.i32[(at >> 2) + 1] as number) * TWO32 + (this.u32[at >> 2] as number);
  }

  // The frame

  /** Finds the frame of the current trap. */
  takeFrame(): void {
    if (!this.tryTakeFrame()) throw new GuestBroken('the trap frame is not on the signal stack');
  }

  /** False when it is not where frames are. */
  tryTakeFrame(): boolean {
    const at = this.u64(area.UCONTEXT) - this.stubAddress;
    if (!(at >= area.STACK && at <= AREA_SIZE - ucontext.SIZE) || (at & 7) !== 0) return false;
    this.frame = at;
    return true;
  }

  /** Byte offset of the current siginfo. */
  infoOffset(): number {
    const at = this.tryInfoOffset();
    if (at === 0) throw new GuestBroken('the siginfo is not on the signal stack');
    return at;
  }

  /** 0 when it is not where those are. */
  tryInfoOffset(): number {
    const at = this.u64(area.SIGINFO) - this.stubAddress;
    return at >= area.STACK && at <= AREA_SIZE - 128 && (at & 7) === 0 ? at : 0;
  }

  regLo(n: number): number {
    return this.u32[((this.frame + ucontext.GREGS) >> 2) + 2 * n] as number;
  }
  regHi(n: number): number {
    return this.u32[((this.frame + ucontext.GREGS) >> 2) + 2 * n + 1] as number;
  }
  reg(n: number): number {
    return this.regHi(n) * TWO32 + this.regLo(n);
  }
  setReg(n: number, value: number): void {
    this.setU64(this.frame + ucontext.GREGS + 8 * n, value);
  }

  /** All 64 bits, also those that no double holds. */
  setReg64(n: number, lo: number, hi: number): void {
    const at = ((this.frame + ucontext.GREGS) >> 2) + 2 * n;
    this.u32[at] = lo;
    this.u32[at + 1] = hi;
  }

  /** Where the frame's XSAVE image lies and how long it is, legacy region and header included. */
  fpState(): { offset: number; length: number } {
    const offset = this.u64(this.frame + ucontext.FPSTATE) - this.stubAddress;
    if (!(offset >= area.STACK && offset <= AREA_SIZE - LEGACY_FP_SIZE) || (offset & 15) !== 0) {
      throw new GuestBroken('the FP state is not on the signal stack');
    }
    const magic = this.word(offset + SW_RESERVED);
    const length = magic === FP_XSTATE_MAGIC1 ? this.word(offset + SW_RESERVED + 4) : LEGACY_FP_SIZE;
    if (!(length >= LEGACY_FP_SIZE && offset + length <= AREA_SIZE)) {
      throw new GuestBroken('the FP state has an absurd size');
    }
    return { offset, length };
  }
}

/** struct _fpx_sw_bytes lies at the end of the 512-byte FXSAVE image. */
export const LEGACY_FP_SIZE = 512;
export const SW_RESERVED = 464;
export const FP_XSTATE_MAGIC1 = 0x4650_5853;
