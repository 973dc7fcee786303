/**
 * Guest memory read by the page: for what lies close together in many small pieces, as the pointers and
 * strings of execve(2) do. Each page is copied once, so all of it is of one moment.
 */
import { type UserAddr, userAddr } from '../../base/brand.js';
import { latin1 } from '../../base/bytes.js';
import { PAGE_SIZE, type UserMemory } from './user-memory.js';

export class PageCopies {
  private readonly _pages = new Map<number, Uint8Array>();

  constructor(readonly memory: UserMemory) {}

  /** A 64-bit word as a number: exact to 2⁵³, which covers addresses. EFAULT where there is no memory. */
  readU64(addr: UserAddr): number {
    let bytes = this._rest(addr);
    if (bytes.length < 8) bytes = Buffer.concat([bytes, this._rest(addr + bytes.length)]);
    const words = new DataView(bytes.buffer, bytes.byteOffset, 8);
    return words.getUint32(4, true) * 0x1_0000_0000 + words.getUint32(0, true);
  }

  /** A NUL-terminated string, without the NUL; undefined when it has more than `max` bytes. */
  readString(addr: UserAddr, max: number): string | undefined {
    let text = '';
    while (text.length <= max) {
      const rest = this._rest(addr + text.length);
      const nul = rest.indexOf(0);
      text += latin1(nul < 0 ? rest : rest.subarray(0, nul));
      if (nul >= 0) return text.length <= max ? text : undefined;
    }
    return undefined;
  }

  /** What the page at `addr` has from there to its end. */
  private _rest(addr: number): Uint8Array {
    const offset = addr % PAGE_SIZE;
    const start = addr - offset;
    let page = this._pages.get(start);
    if (!page) {
      page = this.memory.readBytes(userAddr(start), PAGE_SIZE);
      this._pages.set(start, page);
    }
    return page.subarray(offset);
  }
}
