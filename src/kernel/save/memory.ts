/**
 * Guest memory, saved and mapped again. Only pages that hold bytes of their own are saved: not what was
 * never touched or holds zeros, not what is still as its file has it, and not what is shared, which is saved
 * with the file that stands behind it.
 */
import type { UserAddr } from '../../base/brand.js';
import { userAddr } from '../../base/brand.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { PAGE_SIZE } from '../mm/user-memory.js';
import { VM, type Vma } from '../mm/vma.js';
import { Failure } from '../outcome.js';
import { CannotLoad, CannotSave } from './graph.js';
import type { ImageWriter, Pages } from './image.js';

const READ = 1;
const WRITE = 2;
/** Bytes moved at once. */
const PIECE = 1 << 20;
const piece = new Uint8Array(PIECE);

/** Pages of a mapping that were ever touched. */
interface Touched {
  readonly vma: Vma;
  /** A one for each that was. */
  readonly pages: Uint8Array;
}

/** Private memory that may have to be saved. */
export function touchedMemory(mm: MemoryManager): readonly Touched[] {
  const found: Touched[] = [];
  for (const vma of mm.vmas) {
    if (vma.shared) continue;
    const touched = new Uint8Array(vma.pages);
    const failed = mm.space.touched(userAddr(vma.start), vma.length, touched);
    if (failed < 0) throw new CannotSave(`the host does not say which pages are in use (errno ${-failed})`);
    if (touched.includes(1)) found.push({ vma, pages: touched });
  }
  return found;
}

export function sizeOf(touched: readonly Touched[]): number {
  let pages = 0;
  for (const one of touched) for (const mark of one.pages) pages += mark;
  return pages * PAGE_SIZE;
}

export function saveMemory(
  mm: MemoryManager,
  touched: readonly Touched[],
  memory: number,
  image: ImageWriter,
): void {
  for (const { vma, pages } of touched) saveTouched(mm, vma, pages, memory, image);
}

function saveTouched(
  mm: MemoryManager,
  vma: Vma,
  touched: Uint8Array,
  memory: number,
  image: ImageWriter,
): void {
  const readable = (vma.prot & READ) !== 0;
  // Nobody sees it: the guest stands still.
  if (!readable) mm.space.protect(userAddr(vma.start), vma.length, READ);
  for (const [first, end] of runs(touched)) {
    for (let at = first; at < end; at += PIECE / PAGE_SIZE) {
      const pages = Math.min(end - at, PIECE / PAGE_SIZE);
      savePiece(mm, userAddr(vma.start + at * PAGE_SIZE), pages, memory, image);
    }
  }
  if (!readable) mm.space.protect(userAddr(vma.start), vma.length, vma.prot);
}

/** Pages of private anonymous memory may hold zeros alone: a read was enough to have them. */
function savePiece(
  mm: MemoryManager,
  addr: UserAddr,
  pages: number,
  memory: number,
  image: ImageWriter,
): void {
  const bytes = piece.subarray(0, pages * PAGE_SIZE);
  const read = mm.space.read(addr, bytes);
  // Behind the end of its file a mapping has no bytes, though it has pages.
  const whole = Math.floor(read / PAGE_SIZE);
  const vma = mm.vmas.find(addr);
  const keepsZeros = vma?.file !== undefined;
  const filled = new Uint8Array(whole);
  for (let i = 0; i < whole; i++) filled[i] = keepsZeros || hasBytes(bytes, i * PAGE_SIZE) ? 1 : 0;
  for (const [first, end] of runs(filled)) {
    const part = bytes.subarray(first * PAGE_SIZE, end * PAGE_SIZE);
    image.pages({ memory, addr: addr + first * PAGE_SIZE, bytes: part });
  }
}

/** Whether a page is not all zeros. */
function hasBytes(bytes: Uint8Array, at: number): boolean {
  const words = new Float64Array(bytes.buffer, bytes.byteOffset + at, PAGE_SIZE / 8);
  // A NaN or -0 among them is no zero either.
  for (let i = 0; i < words.length; i++) if (!Object.is(words[i], 0)) return true;
  return false;
}

/** First and end of each run of ones. */
function* runs(marks: Uint8Array): Iterable<[first: number, end: number]> {
  for (let first = marks.indexOf(1); first >= 0; ) {
    let end = marks.indexOf(0, first);
    if (end < 0) end = marks.length;
    yield [first, end];
    first = end === marks.length ? -1 : marks.indexOf(1, end);
  }
}

/** Maps what the books say is mapped, so that the saved pages can be written there. */
export function mapAgain(mm: MemoryManager): void {
  for (const vma of mm.vmas) {
    const failed = vma.shared ? mm.mapOnHost(vma) : mapWritable(mm, vma);
    if (failed) throw new CannotLoad(`${nameOf(vma)} cannot be mapped (errno ${failed.errno})`);
  }
  const failed = mm.flush();
  if (failed) throw new CannotLoad(`memory cannot be mapped (errno ${failed.errno})`);
}

function mapWritable(mm: MemoryManager, vma: Vma): Failure | undefined {
  const { flags } = vma;
  vma.flags |= VM.READ | VM.WRITE;
  try {
    return mm.mapOnHost(vma);
  } finally {
    vma.flags = flags;
  }
}

export function writePages(mm: MemoryManager, { addr, bytes }: Pages): void {
  if (mm.vmas.find(userAddr(addr))?.file?.vanished) mapOverNothing(mm, addr, bytes.length);
  if (mm.space.write(userAddr(addr), bytes) !== bytes.length) {
    throw new CannotLoad('saved memory does not fit into the mappings saved with it');
  }
}

/** A file that has vanished has no pages to be written to: those that the guest had changed are on their own. */
function mapOverNothing(mm: MemoryManager, addr: number, length: number): void {
  mm.space.map({ addr: userAddr(addr), length, prot: READ | WRITE, shared: false, noReserve: true });
  const failed = mm.flush();
  if (failed) throw new CannotLoad(`memory cannot be mapped (errno ${failed.errno})`);
}

/** All pages are there: protection as the guest had it. */
export function protectAgain(mm: MemoryManager): void {
  for (const vma of mm.vmas) {
    if (!vma.shared && (vma.prot & (READ | WRITE)) !== (READ | WRITE)) {
      mm.space.protect(userAddr(vma.start), vma.length, vma.prot);
    }
  }
  const failed = mm.flush();
  if (failed instanceof Failure) throw new CannotLoad(`memory cannot be protected (errno ${failed.errno})`);
}

function nameOf(vma: Vma): string {
  return vma.file ? `a file at ${vma.start.toString(16)}` : `memory at ${vma.start.toString(16)}`;
}
