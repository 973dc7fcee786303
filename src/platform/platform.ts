/**
 * The platform: guest code on the real CPU. Compare gVisor's pkg/sentry/platform.
 *
 * An AddressSpace is a guest's memory, a Context is one guest thread in it. A context runs until it
 * traps; while it is stopped its registers may be read and changed, and `resume` lets it go on.
 * Everything here belongs to one shard (one worker thread) and is called on that thread only.
 *
 * Changes of an address space are queued and carried out by the guest's own host process before the
 * next instruction of the guest (one batch a resume); `flush` carries them out at once. What the
 * platform reads back is hostile: it is checked here, and nonsense ends the guest (`GuestBroken`).
 */
import type { HostFd, UserAddr } from '../base/brand.js';

/** PROT_* bits of mmap(2): read 1, write 2, exec 4. */
export type Prot = number;

export interface MapRequest {
  readonly addr: UserAddr;
  /** A multiple of the page size. */
  readonly length: number;
  readonly prot: Prot;
  /** Shared with other address spaces that map the same file; otherwise copy on write. */
  readonly shared: boolean;
  /** What is mapped; absent: zero-filled memory of its own. */
  readonly file?: { readonly fd: HostFd; readonly offset: number };
  /** Do not reserve swap (MAP_NORESERVE). */
  readonly noReserve?: boolean;
  /** Fault all pages in now (MAP_POPULATE). */
  readonly populate?: boolean;
}

/** What a host process has used, as getrusage(2) tells. */
export interface Usage {
  /** CPU time of the guest's threads, in nanoseconds. */
  readonly user: number;
  readonly system: number;
  /** The most there ever were. */
  readonly peakResidentBytes: number;
}

export interface AddressSpace {
  /** Names the memory to other shards of the kernel: `Platform.foreignMemory`. */
  readonly hostPid: number;
  /** Replaces whatever is mapped in the range. */
  map(request: MapRequest): void;
  unmap(addr: UserAddr, length: number): void;
  protect(addr: UserAddr, length: number, prot: Prot): void;
  /** Moves or resizes a mapping (mremap(2) with MREMAP_FIXED when the address changes). */
  remap(from: UserAddr, fromLength: number, to: UserAddr, toLength: number): void;
  /** Empties it for another program of the same task, `first`'s. */
  clear(): void;
  /** False where more than memory would stay of the old program. */
  readonly reusable: boolean;
  /** madvise(2); returns 0 or a negative errno of the host. */
  advise(addr: UserAddr, length: number, advice: number): number;
  /** msync(2); returns 0 or a negative errno of the host. */
  sync(addr: UserAddr, length: number, flags: number): number;
  /** mincore(2): one byte a page into `into`; returns 0 or a negative errno. */
  resident(addr: UserAddr, length: number, into: Uint8Array): number;
  /**
   * Which pages of private memory are no longer what was mapped: one byte a page into `into`, 1 for those
   * that hold bytes of their own. Returns 0 or a negative errno.
   */
  touched(addr: UserAddr, length: number, into: Uint8Array): number;
  /**
   * Carries out what is queued. Returns 0, or the host's negative errno for the first change that
   * failed (the ones after it are not carried out).
   */
  flush(): number;

  /** Copies guest memory; returns the bytes copied, less than asked where the guest has no memory. */
  read(addr: UserAddr, into: Uint8Array): number;
  write(addr: UserAddr, from: Uint8Array): number;
  /**
   * pread/pwrite of a host file straight from or to guest memory, made in the guest's own process.
   * Returns the bytes moved or a negative errno.
   */
  readFile(addr: UserAddr, length: number, fd: HostFd, offset: number): number;
  writeFile(addr: UserAddr, length: number, fd: HostFd, offset: number): number;
  /** Sets the highest bit of a 32-bit word, atomically against the guest's threads; 0 or a negative errno. */
  markWord(addr: UserAddr): number;
  /** membarrier(2) among the guest's threads: the host's answer to this command. */
  barrier(command: number): number;
  /** The host will close or reuse this descriptor: forget the copy that guests may hold of it. */
  forgetFile(fd: HostFd): void;

  /** The context that came with the address space; stopped, with no state worth keeping. */
  readonly first: Context;
  /** A new guest thread, stopped, its registers a copy of `like`'s. Needs a stopped context to act through. */
  createContext(like: Context): Context;
  /** A copy of the memory (copy on write). Its `first` has the registers of `like`. */
  fork(like: Context): AddressSpace;
  /** Ends the host process and frees everything. Idempotent. */
  release(): void;

  /** Resident bytes, as the host counts them. */
  residentBytes(): number;
  usage(): Usage;
}

/** The memory of an address space that another shard owns: to be copied from and to, nothing else. */
export interface ForeignMemory {
  read(addr: UserAddr, into: Uint8Array): number;
  write(addr: UserAddr, from: Uint8Array): number;
  residentBytes(): number;
  usage(): Usage;
}

/** Why a context stopped. One object a context, filled in anew by each trap: read, do not keep. */
export interface Trap {
  kind: 'syscall' | 'fault' | 'interrupt' | 'exited';
  /** For faults: signal number, si_code, si_addr, and what REG_ERR and REG_TRAPNO of the frame say. */
  signo: number;
  code: number;
  addr: UserAddr;
  error: number;
  trapno: number;
}

export interface Context {
  readonly addressSpace: AddressSpace;
  /** Whose context it is (the kernel's Task); the platform only carries it. Starts undefined. */
  owner: unknown;
  readonly trap: Readonly<Trap>;
  /** True between a trap and the next resume; registers exist only then. */
  readonly stopped: boolean;

  /** The system call asked for. Argument halves avoid a bigint: value = hi * 2³² + lo. */
  syscallNumber(): number;
  argLo(index: number): number;
  argHi(index: number): number;
  /** What the system call returns; negative numbers are -errno. */
  setReturn(value: number): void;
  /** What it returned, as two unsigned halves. */
  getReturn(): { readonly lo: number; readonly hi: number };
  /** Makes the guest execute its system-call instruction again (restart), as call `number` where given. */
  rewindSyscall(number?: number): void;

  getPc(): UserAddr;
  getSp(): UserAddr;
  /** A fresh program: all registers zero but these, FP state initial. */
  reset(pc: UserAddr, sp: UserAddr): void;
  setSp(sp: UserAddr): void;
  getThreadPointer(): UserAddr;
  setThreadPointer(addr: UserAddr): void;
  /** The base of the segment register that user space may use as it likes. */
  getGsBase(): UserAddr;
  setGsBase(addr: UserAddr): void;

  /**
   * Pushes a signal frame on the guest's stack and points the guest at the handler; false when the
   * stack cannot hold it. Linux: setup_rt_frame, arch/x86/kernel/signal_64.c.
   */
  pushSignalFrame(frame: SignalFrame): boolean;
  /** Takes back what pushSignalFrame saved (rt_sigreturn); undefined when the frame is nonsense. */
  popSignalFrame(): RestoredFrame | undefined;

  /**
   * A set of registers as ptrace(2) shows it: struct user_regs_struct, user_fpregs_struct, or the
   * extended state with its header (abi/ptrace.ts). Empty where the machine has no such set.
   */
  readRegisters(set: RegisterSet): Uint8Array;
  /** Takes such an image over, or its first part; false when it asks for what no guest may have. */
  writeRegisters(set: RegisterSet, image: Uint8Array): boolean;
  /** All of a stopped thread's state, and a context made as it was; false when this CPU cannot hold it. */
  image(): ContextImage;
  /** `partly`: registers that this CPU has not are left out. */
  restore(image: ContextImage, how?: { readonly partly?: boolean }): boolean;
  /** While it is set, the guest traps after each instruction, as a fault with SIGTRAP. */
  singleStep: boolean;
  /** The host's number of the CPU that this guest thread ran on last. */
  hostCpu(): number;
  /** CPU time of this guest thread, in nanoseconds. */
  cpuTime(): { user: number; system: number };

  /**
   * Where system calls may go straight to the home shard: in whose name this thread's are made there, and with
   * which signal mask. Said before `resume`, when it has changed.
   */
  setLaneOwner?(tid: number, maskLo: number, maskHi: number): void;
  /** How many calls it has made straight home, modulo 2³²; undefined where it makes none. */
  readonly callsHome?: number | undefined;
  /** The system call asked for was begun at home; what comes of it is told by the home. */
  readonly callBegun?: boolean;

  /** Lets the guest go on. Its next trap is reported to the platform's TrapSink. */
  resume(): void;
  /** Makes a running guest trap soon, with kind `interrupt`; sent again until it does. */
  interrupt(): void;
  /** Ends this guest thread; the last one ends the address space. The context must be stopped. */
  release(): void;
}

/** A stopped guest thread, as plain data. */
export interface ContextImage {
  /** As readRegisters gives them. */
  readonly general: Uint8Array;
  readonly extended: Uint8Array;
  readonly trap: Trap;
  /** The system call it asked for, -1: none; and whether the result register holds the result. */
  readonly syscall: number;
  readonly returned: boolean;
}

export type RegisterSet = 'general' | 'floating' | 'extended';

export interface SignalFrame {
  readonly signo: number;
  readonly handler: UserAddr;
  readonly restorer: UserAddr;
  /** siginfo_t, 128 bytes. */
  readonly info: Uint8Array;
  /** The mask to put back: low and high 32 bits. */
  readonly maskLo: number;
  readonly maskHi: number;
  /** Where the frame goes: the top of the alternate stack, or 0 for the current stack. */
  readonly stackTop: UserAddr;
  /** stack_t to record in the frame. */
  readonly altStack: { readonly sp: UserAddr; readonly size: number; readonly flags: number };
}

export interface RestoredFrame {
  readonly maskLo: number;
  readonly maskHi: number;
  readonly altStack: { readonly sp: UserAddr; readonly size: number; readonly flags: number };
}

/** Who is told of traps. Called on the shard's thread, from `poll`. */
export interface TrapSink {
  onTrap(context: Context): void;
  /** The host process of this address space is gone though nobody released it. */
  onDeath(addressSpace: AddressSpace, why: string): void;
}

/** A system call that a guest of another shard made, and which came straight here. */
export interface LaneCall {
  readonly number: number;
  /** Low and high halves of six arguments. */
  readonly args: ArrayLike<number>;
  /** The caller's signal mask. */
  readonly maskLo: number;
  readonly maskHi: number;
  /** Lets the guest go on with this result. False when its shard has it back, and must be told. */
  answer(value: number): boolean;
  /** Gives the guest back to its shard, which must be told of the result. */
  handOver(): void;
  /** The same of a call that has not been begun here, and is for its shard to begin. */
  decline(): void;
}

/** Who is told of such calls. Called on the home's thread, from `poll`; the object is good until it is answered. */
export interface LaneSink {
  onCall(tid: number, call: LaneCall): void;
  /** A guest reported what no stub reports; its shard has it back and must look at it. */
  onNonsense(tid: number): void;
}

/** The library of vdso(7) that every address space has, and its data before it: above what guests may map. */
export interface Vdso {
  readonly dataAddress: number;
  /** Of its ELF header: AT_SYSINFO_EHDR. */
  readonly address: number;
  readonly end: number;
}

export interface Platform {
  readonly name: string;
  /** Undefined where guests read clocks by system calls alone. */
  readonly vdso?: Vdso;
  /** Guests may map from here … */
  readonly minAddress: UserAddr;
  /** … up to here. */
  readonly maxAddress: UserAddr;
  attach(sink: TrapSink): void;
  createAddressSpace(): AddressSpace;
  /**
   * How far the monotonic clock of guests is ahead of the kernel's beginning by the host's clock; undefined:
   * they cannot tell it by themselves now.
   */
  setClockShift(shiftNs: number | undefined): void;
  foreignMemory(hostPid: number): ForeignMemory;
  /** The host will close or reuse this descriptor: no address space may keep a copy of it. */
  forgetFile(fd: HostFd): void;
  /** Reports traps that have come; returns how many. Never blocks. */
  poll(): number;
  /** Waits until something happens, at most `timeoutNs` (Infinity: for as long as it takes). */
  park(timeoutNs: number): void;
  /** The thread is about to run what is not the shard's, and may start other threads. */
  leaveThread(): void;
  /** Calls back when the host descriptor is ready (level-triggered EPOLL* bits); the result stops it. */
  watch(fd: HostFd, events: number, ready: (events: number) => void): () => void;
  dispose(): void;
}

/** The guest's host process gave an answer that no honest one gives, or none in time. */
export class GuestBroken extends Error {
  override readonly name = 'GuestBroken';
}

/** The host refused what a guest asked for: its limits, not the guest's honesty. Becomes an errno. */
export class HostRefused extends Error {
  override readonly name = 'HostRefused';
  constructor(
    readonly call: string,
    readonly errno: number,
  ) {
    super(`the host refused ${call} (errno ${errno})`);
  }
}
