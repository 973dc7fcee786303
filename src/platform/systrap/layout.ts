/**
 * Memory shared by a shard and its stubs, word by word: the registers of the trap protocol.
 *
 * Stub region (same addresses in every stub process, above everything a guest may map):
 *
 *     STUB_BASE + 0        code, read-only and executable
 *               + 64 KiB   scratch page of the zygote
 *               + 128 KiB  shard page: doorbell flag and trap ring, shared by all stubs of a shard
 *               + 192 KiB  time page, read only, and the VDSO
 *               + 256 KiB  lane page: as the shard page, but read by the home (where the shard is another)
 *               + 256 MiB  thread areas of this address space, AREA_SIZE each
 *
 * A guest can write all of it but the code and the time page. So every word read from here is checked, and the ring is
 * only a hint where to look: what happened is in each area's STATE, and before it parks a shard looks
 * at every area.
 */
export const STUB_BASE = 0x7000_0000_0000;
export const STUB_CODE_SIZE = 0x1_0000;
export const ZYGOTE_PAGE = STUB_BASE + 0x1_0000;
export const SHARD_PAGE = STUB_BASE + 0x2_0000;
export const SHARD_PAGE_SIZE = 0x1_0000;
export const TIME_PAGE = STUB_BASE + 0x3_0000;
export const TIME_PAGE_SIZE = 0x1000;
export const VDSO = TIME_PAGE + TIME_PAGE_SIZE;
export const VDSO_SIZE = 0x1000;
/** Behind it, up to the thread areas, only the lane page is mapped, and after all else is unmapped. */
export const FIXED_END = VDSO + VDSO_SIZE;
/** Words of the shard page, SHARD_PAGE_SIZE: stubs write, the home reads (lane-table.ts). */
export const LANE_PAGE = STUB_BASE + 0x4_0000;
export const AREAS = STUB_BASE + 0x1000_0000;
export const AREA_SIZE = 0x8000;
export const MAX_AREAS = 4096;
export const AREAS_SIZE = AREA_SIZE * MAX_AREAS;
/** One page of the region's neighbourhood stays unmapped, so that nothing runs into it. */
export const GUEST_END = STUB_BASE - 0x1000;
export const USER_END = 0x7fff_ffff_f000;

/**
 * The VDSO of the host's kernel stays where that put it, with its data before it; both sizes are more than
 * any host's. Guests cannot change it, and need not know of it.
 */
export const HOST_VDSO_SIZE = 0x4000;
export const HOST_VVAR_SIZE = 0x1_0000;
/** The lowest place at which it is in nobody's way. */
export const HOST_VDSO_LOWEST = AREAS + AREAS_SIZE + HOST_VVAR_SIZE;

/** Descriptors of a stub process. */
export const STUB_SOCKET = 0;
export const STUB_DOORBELL = 1;
/** Where there is a lane. */
export const STUB_LANE_DOORBELL = 4;

/** Words of the shard page (byte offsets). */
export const shardPage = {
  /** 1 while the shard sleeps. Writer: shard sets, whoever takes it to 0 rings the doorbell. */
  PARKED: 0x00,
  /** Next place in the ring. Writers: stubs (lock xadd). Reader: shard. */
  TAIL: 0x40,
  /** RING_SIZE words, slot id + 1 of an area that trapped, 0 when taken. */
  RING: 0x1000,
} as const;
export const RING_SIZE = 4096;

/** Words of the time page (byte offsets). Writer: shard. Readers: guests, by the VDSO; they cannot write it. */
export const timePage = {
  /** 32 bits, odd while the others change. */
  SEQUENCE: 0x00,
  /** 32 bits, 0: the clocks of guests are to be asked for by system calls. */
  READY: 0x04,
  /** 64 bits: address of the host's clock_gettime, or of what stands in for it; never 0. */
  HOST_CLOCK: 0x08,
  /** Two times 64 bits: seconds and nanoseconds of the host's monotonic clock when that of guests was 0. */
  ZERO_SEC: 0x10,
  ZERO_NSEC: 0x18,
  /** LANE_CALLS words: not 0 for system calls that are reported by the lane. Readers: stubs. */
  LANE_CALLS: 0x800,
} as const;
/** Numbers from here on are never reported by the lane. */
export const LANE_CALLS = 512;

/** Words of a thread area (byte offsets). 32 bits unless said. */
export const area = {
  /** See State. Writer: stub RUNNING→TRAPPED→PARKED, GO→RUNNING; shard TRAPPED|PARKED→GO_*. Futex word. */
  STATE: 0x00,
  /** How often the stub looks at STATE before it parks. Writer: shard. */
  SPIN: 0x04,
  /** Slot id + 1 for the ring. Writer: shard, once. */
  SLOT: 0x08,
  /** Signal number of the trap, or a Report. Writer: stub. */
  SIGNO: 0x0c,
  /** 64 bits: address of the ucontext that the host kernel wrote. Writer: stub. */
  UCONTEXT: 0x10,
  /** 64 bits: address of the siginfo. Writer: stub. */
  SIGINFO: 0x18,
  /** Host calls to make before going on. Writer: shard; the stub leaves the number it did not complete. */
  OP_COUNT: 0x20,
  /** Descriptors that the last OP_RECEIVE brought. Writer: stub. */
  FD_FIRST: 0x28,
  FD_SECOND: 0x2c,
  /** stack_t of the area's signal stack, 24 bytes. Writer: shard, once. */
  STACK_T: 0x30,
  /** Not 0: calls of LANE_CALLS are reported by the lane. Writer: shard. */
  LANE: 0x4c,
  /** 1 when the last trap was. Writer: stub; shard sets 0 before it lets the guest go. */
  REPORTED_BY: 0x50,
  /** Thread id as the host kernel wrote it, 0 when the thread is gone (CLONE_CHILD_CLEARTID). */
  HOST_TID: 0x48,
  /** msghdr, iovec, data and control bytes for OP_RECEIVE. Writer: shard; the stub's kernel fills them. */
  MSGHDR: 0x80,
  IOVEC: 0xc0,
  MSG_DATA: 0xd0,
  CONTROL: 0xe0,
  /** cpu_set_t for sched_setaffinity(2), AFFINITY_SIZE bytes. Writer: shard. */
  AFFINITY: 0x120,
  /** The host calls, OP_SIZE bytes each. */
  OPS: 0x200,
  /** Bytes that travel with host calls (mincore's vector). */
  DATA: 0x1000,
  /** Signal stack: the host kernel writes frames at its top. */
  STACK: 0x4000,
} as const;
export const DATA_SIZE = area.STACK - area.DATA;
export const CONTROL_SIZE = 0x40;
/** Of sets of CPUs: 1024 of them. */
export const AFFINITY_SIZE = 128;

export const State = { RUNNING: 0, TRAPPED: 1, PARKED: 2, GO_RUN: 3, GO_CALL: 4 } as const;

/** Values of SIGNO that are no signals. */
export const Report = {
  /** The host calls of a GO_CALL are done, or one failed. */
  CALLED: 0x100,
  /** A host call before a GO_RUN failed; the guest did not run. */
  FAILED: 0x101,
} as const;

/** A host call: number, flags, six arguments, result. */
export const op = { NR: 0, FLAGS: 4, ARGS: 8, RESULT: 56 } as const;
export const OP_SIZE = 64;
export const MAX_OPS = 48;

export const OpFlag = {
  /** Argument 4 (mmap's descriptor) is FD_FIRST. */
  FD_ARG4: 1,
  /** Argument 0 is FD_FIRST. */
  FD_ARG0: 2,
  /** A recvmsg into MSGHDR: note the descriptors it brings. */
  RECEIVE: 4,
  /** Failure does not end the batch. */
  MAY_FAIL: 8,
  /** A clone whose child goes to its own start: a thread (argument 1 is its stack) … */
  THREAD: 16,
  /** … or a process, which takes FD_FIRST as its areas and FD_SECOND as its socket. */
  PROCESS: 32,
  /** Argument 0 is FD_SECOND. */
  SECOND_ARG0: 64,
} as const;

/** The signal by which the shard stops a running guest: the highest, which guests' own never are. */
export const INTERRUPT_SIGNAL = 64;
