/**
 * Signal frames on the guest's stack, as Linux lays them out: setup_rt_frame and rt_sigreturn of
 * arch/x86/kernel/signal_64.c, struct rt_sigframe.
 *
 * The host kernel has just written a frame of the same layout into the thread's area, so pushing one
 * is mostly copying that. What comes back from the guest is hostile: only general registers and FP
 * contents are taken, never sizes, selectors or pointers.
 */
import { type UserAddr, userAddr } from '../../base/brand.js';
import type { AddressSpace, RestoredFrame, SignalFrame } from '../platform.js';
import { greg, LEGACY_FP_SIZE, SW_RESERVED, type ThreadArea, ucontext } from './thread-area.js';

/** struct rt_sigframe: return address, ucontext, siginfo. */
const UCONTEXT = 8;
const SIGINFO = UCONTEXT + ucontext.SIZE;
const FRAME_SIZE = SIGINFO + 128;
/** Bytes below the stack pointer that leaf functions may use (psABI). */
const RED_ZONE = 128;
const GREGS_SIZE = 23 * 8;
/** Direction, resume and trap flags are off in a handler. */
const CLEARED_FLAGS = 0x400 | 0x1_0000 | 0x100;
const FP_HEADER = 512;
/** cs, gs, fs, ss of 64-bit user code, as sigcontext packs them. */
export const USER_SELECTORS = { lo: 0x33, hi: 0x2b_0000 } as const;

const alignDown = (n: number, to: number): number => n - (n % to);

export function pushFrame(area: ThreadArea, space: AddressSpace, frame: SignalFrame): boolean {
  const fp = area.fpState();
  const sp = area.reg(greg.RSP);
  const top = frame.stackTop !== 0 ? frame.stackTop : sp - RED_ZONE;
  const fpAddress = alignDown(top - fp.length, 64);
  const base = alignDown(fpAddress - FRAME_SIZE, 16) - 8;
  if (base <= 0) return false;

  const image = new Uint8Array(FRAME_SIZE);
  const view = new DataView(image.buffer);
  const put = (offset: number, value: number): void => {
    view.setUint32(offset, value >>> 0, true);
    view.setInt32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
  };
  put(0, frame.restorer);
  image.set(area.bytes.subarray(area.frame, area.frame + 8), UCONTEXT); // uc_flags
  put(UCONTEXT + ucontext.STACK, frame.altStack.sp);
  put(UCONTEXT + ucontext.STACK + 8, frame.altStack.flags);
  put(UCONTEXT + ucontext.STACK + 16, frame.altStack.size);
  const gregs = area.frame + ucontext.GREGS;
  image.set(area.bytes.subarray(gregs, gregs + GREGS_SIZE), UCONTEXT + ucontext.GREGS);
  put(UCONTEXT + ucontext.FPSTATE, fpAddress);
  view.setUint32(UCONTEXT + ucontext.SIGMASK, frame.maskLo, true);
  view.setUint32(UCONTEXT + ucontext.SIGMASK + 4, frame.maskHi, true);
  image.set(frame.info.subarray(0, 128), SIGINFO);

  const fpBytes = area.bytes.slice(fp.offset, fp.offset + fp.length);
  if (space.write(userAddr(fpAddress), fpBytes) !== fpBytes.length) return false;
  if (space.write(userAddr(base), image) !== image.length) return false;

  area.setReg(greg.RDI, frame.signo);
  area.setReg(greg.RSI, base + SIGINFO);
  area.setReg(greg.RDX, base + UCONTEXT);
  area.setReg(greg.RAX, 0);
  area.setReg(greg.RSP, base);
  area.setReg(greg.RIP, frame.handler);
  area.setReg(greg.EFLAGS, area.regLo(greg.EFLAGS) & ~CLEARED_FLAGS);
  return true;
}

/** The guest's stack pointer is just behind the frame's return address, which `ret` took. */
export function popFrame(area: ThreadArea, space: AddressSpace): RestoredFrame | undefined {
  const image = new Uint8Array(FRAME_SIZE - UCONTEXT);
  if (space.read(userAddr(area.reg(greg.RSP)), image) !== image.length) return undefined;
  const view = new DataView(image.buffer);
  const u64 = (offset: number): number =>
    view.getUint32(offset + 4, true) * 0x1_0000_0000 + view.getUint32(offset, true);

  if (!popFpState(area, space, userAddr(u64(ucontext.FPSTATE)))) return undefined;
  area.bytes.set(image.subarray(ucontext.GREGS, ucontext.GREGS + GREGS_SIZE), area.frame + ucontext.GREGS);
  setSelectors(area);
  return {
    maskLo: view.getUint32(ucontext.SIGMASK, true),
    maskHi: view.getUint32(ucontext.SIGMASK + 4, true),
    altStack: {
      sp: userAddr(u64(ucontext.STACK)),
      flags: view.getInt32(ucontext.STACK + 8, true),
      size: u64(ucontext.STACK + 16),
    },
  };
}

function popFpState(area: ThreadArea, space: AddressSpace, from: UserAddr): boolean {
  if (from === 0) {
    resetFpState(area);
    return true;
  }
  const fp = area.fpState();
  const bytes = new Uint8Array(fp.length);
  if (space.read(from, bytes) !== bytes.length) return false;
  // Everything but the host kernel's own words: those between SW_RESERVED and 512, and the end mark.
  area.bytes.set(bytes.subarray(0, SW_RESERVED), fp.offset);
  if (fp.length > LEGACY_FP_SIZE)
    area.bytes.set(bytes.subarray(FP_HEADER, fp.length - 4), fp.offset + FP_HEADER);
  return true;
}

/** FP state as after exec: x87 control word and MXCSR at their defaults, all else zero. */
export function resetFpState(area: ThreadArea): void {
  const fp = area.fpState();
  area.bytes.fill(0, fp.offset, fp.offset + SW_RESERVED);
  area.view.setUint16(fp.offset, 0x37f, true);
  area.view.setUint32(fp.offset + 24, 0x1f80, true);
  // XSTATE_BV = 0: every component in its initial state.
  if (fp.length > LEGACY_FP_SIZE) area.setU64(fp.offset + FP_HEADER, 0);
}

export function setSelectors(area: ThreadArea): void {
  const at = area.frame + ucontext.GREGS + 8 * greg.CSGSFSSS;
  area.setWord(at, USER_SELECTORS.lo);
  area.setWord(at + 4, USER_SELECTORS.hi);
}

/** Copies registers and FP state of one stopped thread to another. */
export function copyState(from: ThreadArea, to: ThreadArea): void {
  const gregsFrom = from.frame + ucontext.GREGS;
  to.bytes.set(from.bytes.subarray(gregsFrom, gregsFrom + GREGS_SIZE), to.frame + ucontext.GREGS);
  const source = from.fpState();
  const target = to.fpState();
  const length = Math.min(source.length, target.length);
  to.bytes.set(from.bytes.subarray(source.offset, source.offset + SW_RESERVED), target.offset);
  if (length > LEGACY_FP_SIZE) {
    to.bytes.set(
      from.bytes.subarray(source.offset + FP_HEADER, source.offset + length - 4),
      target.offset + FP_HEADER,
    );
  }
  // The new thread blocks nothing: its first frame was made with the parent's handler mask.
  to.setU64(to.frame + ucontext.SIGMASK, 0);
}
