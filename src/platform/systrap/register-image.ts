/**
 * Registers of a stopped thread as ptrace(2) shows them: struct user_regs_struct, user_fpregs_struct,
 * and the XSAVE image with the kernel's own words (arch/x86/kernel/ptrace.c, fpu/regset.c).
 *
 * Images come from tracers, which are guests: selectors, privileged flags and addresses outside the
 * guest's half are refused or left as they are.
 */
import { setSelectors } from './signal-frame.js';
import { FP_XSTATE_MAGIC1, greg, LEGACY_FP_SIZE, SW_RESERVED, type ThreadArea } from './thread-area.js';

/** Order of struct user_regs_struct; names that are no register of the frame stand alone. */
const ORDER = [
  'R15', 'R14', 'R13', 'R12', 'RBP', 'RBX', 'R11', 'R10', 'R9', 'R8', 'RAX', 'RCX', 'RDX', 'RSI', 'RDI',
  'ORIG_RAX', 'RIP', 'CS', 'EFLAGS', 'RSP', 'SS', 'FS_BASE', 'GS_BASE', 'DS', 'ES', 'FS', 'GS',
] as const; // biome-ignore format: as the struct
const SIZE = ORDER.length * 8;
const USER_CS = 0x33;
const USER_SS = 0x2b;
/** What a tracer may set of the flags: CF PF AF ZF SF TF DF OF RF NT AC. */
const SETTABLE_FLAGS = 0x5_4dd5;
const ALWAYS_FLAGS = 0x202;
const TASK_SIZE = 0x7fff_ffff_f000;
const TWO32 = 0x1_0000_0000;
const XSTATE_HEADER = 512;
const XSTATE_HEADER_END = 576;
const FXSR_MXCSR = 24;
const MXCSR_MASK = 0xffff;

export interface GeneralFacts {
  /** The call the thread is in; -1: none. */
  readonly syscall: number;
  readonly threadPointer: number;
  readonly gsBase: number;
  /** What the result register is to show where it has no result yet. */
  readonly result: number | undefined;
}

function put(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setInt32(offset + 4, Math.floor(value / TWO32), true);
}

export function readGeneral(area: ThreadArea, facts: GeneralFacts): Uint8Array {
  const image = new Uint8Array(SIZE);
  const view = new DataView(image.buffer);
  for (const [i, name] of ORDER.entries()) {
    const at = i * 8;
    switch (name) {
      case 'ORIG_RAX':
        put(view, at, facts.syscall);
        break;
      case 'CS':
        put(view, at, USER_CS);
        break;
      case 'SS':
        put(view, at, USER_SS);
        break;
      case 'FS_BASE':
        put(view, at, facts.threadPointer);
        break;
      case 'GS_BASE':
        put(view, at, facts.gsBase);
        break;
      case 'DS':
      case 'ES':
      case 'FS':
      case 'GS':
        break;
      default:
        view.setUint32(at, area.regLo(greg[name]), true);
        view.setUint32(at + 4, area.regHi(greg[name]), true);
    }
  }
  if (facts.result !== undefined) put(view, ORDER.indexOf('RAX') * 8, facts.result);
  return image;
}

export interface WrittenGeneral {
  syscall?: number;
  threadPointer?: number;
  gsBase?: number;
}

/** Undefined: refused. What comes back is not in the frame, where the image goes so far. */
export function writeGeneral(area: ThreadArea, image: Uint8Array): WrittenGeneral | undefined {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const whole = Math.floor(image.length / 8);
  const value = (i: number): number => view.getUint32(i * 8 + 4, true) * TWO32 + view.getUint32(i * 8, true);
  for (const base of ['FS_BASE', 'GS_BASE'] as const) {
    const i = ORDER.indexOf(base);
    if (i < whole && value(i) >= TASK_SIZE) return undefined;
  }
  const beside: WrittenGeneral = {};
  ORDER.slice(0, whole).forEach((name, i) => {
    switch (name) {
      case 'ORIG_RAX':
        beside.syscall = view.getInt32(i * 8, true);
        return;
      case 'FS_BASE':
        beside.threadPointer = value(i);
        return;
      case 'GS_BASE':
        beside.gsBase = value(i);
        return;
      case 'EFLAGS':
        area.setReg(greg.EFLAGS, (view.getUint32(i * 8, true) & SETTABLE_FLAGS) | ALWAYS_FLAGS);
        return;
      case 'CS':
      case 'SS':
      case 'DS':
      case 'ES':
      case 'FS':
      case 'GS':
        return;
      default:
        area.setReg64(greg[name], view.getUint32(i * 8, true), view.getUint32(i * 8 + 4, true));
    }
  });
  setSelectors(area);
  return beside;
}

/** The FXSAVE image; its reserved end is zero. */
export function readFloating(area: ThreadArea): Uint8Array {
  const { offset } = area.fpState();
  const image = new Uint8Array(LEGACY_FP_SIZE);
  image.set(area.bytes.subarray(offset, offset + SW_RESERVED));
  return image;
}

export function writeFloating(area: ThreadArea, image: Uint8Array): boolean {
  const { offset, length } = area.fpState();
  if (!validMxcsr(image)) return false;
  area.bytes.set(image.subarray(0, SW_RESERVED), offset);
  // x87 and SSE are in use now.
  if (length > LEGACY_FP_SIZE) {
    area.setWord(offset + XSTATE_HEADER, area.word(offset + XSTATE_HEADER) | 3);
  }
  return true;
}

/** Where the software's words begin, ptrace shows XCR0 alone: debuggers find the layout by it. */
export function readExtended(area: ThreadArea): Uint8Array {
  const { offset } = area.fpState();
  if (area.word(offset + SW_RESERVED) !== FP_XSTATE_MAGIC1) return new Uint8Array(0);
  const image = area.bytes.slice(offset, offset + extendedSize(area, offset));
  image.fill(0, SW_RESERVED, XSTATE_HEADER);
  image.set(area.bytes.subarray(offset + SW_RESERVED + 8, offset + SW_RESERVED + 16), SW_RESERVED);
  return image;
}

export function writeExtended(area: ThreadArea, image: Uint8Array): boolean {
  const { offset } = area.fpState();
  if (area.word(offset + SW_RESERVED) !== FP_XSTATE_MAGIC1) return false;
  if (image.length < extendedSize(area, offset) || !validMxcsr(image)) return false;
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const mayLo = area.word(offset + SW_RESERVED + 8);
  const mayHi = area.word(offset + SW_RESERVED + 12);
  const lo = view.getUint32(XSTATE_HEADER, true);
  const hi = view.getUint32(XSTATE_HEADER + 4, true);
  if ((lo & ~mayLo) !== 0 || (hi & ~mayHi) !== 0) return false;
  // A compacted image, or nonsense in the reserved words, would make the host's XRSTOR fault.
  if (image.subarray(XSTATE_HEADER + 8, XSTATE_HEADER_END).some((byte) => byte !== 0)) return false;
  area.bytes.set(image.subarray(0, SW_RESERVED), offset);
  area.bytes.set(image.subarray(XSTATE_HEADER, extendedSize(area, offset)), offset + XSTATE_HEADER);
  return true;
}

/** Of an image from another CPU, what this one has; what it has and the image has not is in its initial state. */
export function possibleExtended(area: ThreadArea, image: Uint8Array): Uint8Array {
  const { offset } = area.fpState();
  if (area.word(offset + SW_RESERVED) !== FP_XSTATE_MAGIC1) return image.subarray(0, 0);
  const possible = new Uint8Array(extendedSize(area, offset));
  possible.set(image.subarray(0, possible.length));
  const view = new DataView(possible.buffer);
  // XCR0 in the software's words: what this CPU may have in use.
  for (const half of [0, 4]) {
    const may = area.word(offset + SW_RESERVED + 8 + half);
    view.setUint32(XSTATE_HEADER + half, view.getUint32(XSTATE_HEADER + half, true) & may, true);
  }
  return possible;
}

/** xstate_size of struct _fpx_sw_bytes, checked against the frame. */
function extendedSize(area: ThreadArea, offset: number): number {
  const { length } = area.fpState();
  const size = area.word(offset + SW_RESERVED + 16);
  return Math.min(Math.max(size, XSTATE_HEADER_END), length);
}

function validMxcsr(image: Uint8Array): boolean {
  if (image.length < LEGACY_FP_SIZE) return false;
  const mxcsr = new DataView(image.buffer, image.byteOffset, image.byteLength).getUint32(FXSR_MXCSR, true);
  return (mxcsr & ~MXCSR_MASK) === 0;
}
