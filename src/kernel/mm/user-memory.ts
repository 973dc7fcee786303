/**
 * Guest memory as the kernel reads and writes it: copy_from_user and copy_to_user.
 *
 * Everything is copied once, then looked at: what a guest changes meanwhile changes nothing here.
 * Owner: one address space; shared by the tasks that share it.
 */
import { E } from '../../abi/errno.js';
import type { Struct } from '../../abi/struct.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import type { AddressSpace, Vdso } from '../../platform/platform.js';
import { SyscallError } from '../outcome.js';

export const PAGE_SIZE = 4096;

export class UserMemory {
  private readonly _scratch = new Uint8Array(PAGE_SIZE);
  private readonly _words = new DataView(this._scratch.buffer);

  constructor(
    readonly space: AddressSpace,
    /** Addresses at or above are never the guest's. */
    readonly limit: number,
    /** Above the limit, and still there to be read: by debuggers, and where names in it are pointed to. */
    readonly vdso?: Vdso,
  ) {}

  /** Fills `into`, or throws EFAULT. */
  readInto(addr: UserAddr, into: Uint8Array): void {
    if (this.tryRead(addr, into) !== into.length) throw new SyscallError(E.EFAULT);
  }

  /** Writes all of `from`, or throws EFAULT (what comes before the fault is written). */
  write(addr: UserAddr, from: Uint8Array): void {
    if (this.tryWrite(addr, from) !== from.length) throw new SyscallError(E.EFAULT);
  }

  /** The bytes that could be read before the first fault. */
  tryRead(addr: UserAddr, into: Uint8Array): number {
    if (into.length === 0) return 0;
    if (!this._inRange(addr, into.length) && !this._inVdso(addr, into.length)) return 0;
    return this.space.read(addr, into);
  }

  tryWrite(addr: UserAddr, from: Uint8Array): number {
    if (from.length === 0) return 0;
    if (!this._inRange(addr, from.length)) return 0;
    return this.space.write(addr, from);
  }

  readBytes(addr: UserAddr, length: number): Uint8Array {
    const out = new Uint8Array(length);
    this.readInto(addr, out);
    return out;
  }

  readStruct<T>(s: Struct<T>, addr: UserAddr): T {
    return s.decode(this.readBytes(addr, s.size));
  }

  writeStruct<T>(s: Struct<T>, addr: UserAddr, value: T): void {
    this.write(addr, s.encode(value));
  }

  readU32(addr: UserAddr): number {
    this.readInto(addr, this._scratch.subarray(0, 4));
    return this._words.getUint32(0, true);
  }

  writeU32(addr: UserAddr, value: number): void {
    this._words.setUint32(0, value >>> 0, true);
    this.write(addr, this._scratch.subarray(0, 4));
  }

  /** A 64-bit word as a number: exact to 2⁵³, which covers addresses and sizes. */
  readU64(addr: UserAddr): number {
    this.readInto(addr, this._scratch.subarray(0, 8));
    return this._words.getUint32(4, true) * 0x1_0000_0000 + this._words.getUint32(0, true);
  }

  writeU64(addr: UserAddr, value: number): void {
    this._words.setUint32(0, value >>> 0, true);
    this._words.setInt32(4, Math.floor(value / 0x1_0000_0000), true);
    this.write(addr, this._scratch.subarray(0, 8));
  }

  /**
   * The bytes of a NUL-terminated string, without the NUL; at most `max` of them. Undefined when
   * there is no NUL within `max` + 1 bytes. EFAULT when memory ends before the NUL.
   */
  readCString(addr: UserAddr, max: number): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    let total = 0;
    let at = addr as number;
    while (total <= max) {
      // Never across a page boundary that the string may not reach.
      const room = PAGE_SIZE - (at % PAGE_SIZE);
      const chunk = this._scratch.subarray(0, Math.min(room, parts.length === 0 ? 256 : PAGE_SIZE));
      const got = this.tryRead(userAddr(at), chunk);
      if (got === 0) throw new SyscallError(E.EFAULT);
      const nul = chunk.subarray(0, got).indexOf(0);
      const take = nul < 0 ? got : nul;
      total += take;
      if (total > max) return undefined;
      if (nul >= 0 && parts.length === 0) return chunk.slice(0, nul);
      parts.push(chunk.slice(0, take));
      if (nul >= 0) return concat(parts, total);
      at += got;
    }
    return undefined;
  }

  private _inVdso(addr: number, length: number): boolean {
    const { vdso } = this;
    return vdso !== undefined && addr >= vdso.address && addr + length <= vdso.end;
  }

  private _inRange(addr: number, length: number): boolean {
    return addr >= 0 && addr + length <= this.limit;
  }
}

function concat(parts: Uint8Array[], total: number): Uint8Array {
  const out = new Uint8Array(total);
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}
