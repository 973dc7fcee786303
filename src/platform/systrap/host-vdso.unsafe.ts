/**
 * The VDSO that the host's kernel maps into every process, vdso(7): where it is in another process, and
 * where its clock_gettime is in it. All processes of a host have the same one, at different addresses.
 */
import { readFileSync } from 'node:fs';
import { viewMemory } from '../host/libc.unsafe.js';

const AT_SYSINFO_EHDR = 33n;
const PT_DYNAMIC = 2;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const SYM_SIZE = 24;
const HEADER_SIZE = 0x1000;

/** Where the VDSO of a process begins; undefined when it has none, or is gone. */
export function vdsoOf(pid: number | 'self'): number | undefined {
  let raw: Buffer;
  try {
    raw = readFileSync(`/proc/${pid}/auxv`);
  } catch {
    return undefined;
  }
  for (let at = 0; at + 16 <= raw.length; at += 16) {
    if (raw.readBigUInt64LE(at) === AT_SYSINFO_EHDR) return Number(raw.readBigUInt64LE(at + 8));
  }
  return undefined;
}

/** Offset of clock_gettime in the host's VDSO; undefined when there is none. */
export function clockGettimeOffset(): number | undefined {
  const base = vdsoOf('self');
  if (base === undefined) return undefined;
  // Its first page has the headers and tables.
  const v = new DataView(viewMemory(base, HEADER_SIZE));
  const quad = (at: number): number => Number(v.getBigUint64(at, true));
  const headers = quad(32);
  const count = v.getUint16(56, true);
  for (let i = 0; i < count; i++) {
    const header = headers + i * v.getUint16(54, true);
    if (v.getUint32(header, true) !== PT_DYNAMIC) continue;
    let [strings, symbols] = [0, 0];
    for (let at = quad(header + 8); at + 16 <= HEADER_SIZE && quad(at) !== 0; at += 16) {
      if (quad(at) === DT_STRTAB) strings = quad(at + 8);
      if (quad(at) === DT_SYMTAB) symbols = quad(at + 8);
    }
    return findSymbol(v, symbols, strings, '__vdso_clock_gettime');
  }
  return undefined;
}

/** The names come behind the symbols. */
function findSymbol(v: DataView, symbols: number, strings: number, name: string): number | undefined {
  for (let at = symbols; at + SYM_SIZE <= Math.min(strings, HEADER_SIZE); at += SYM_SIZE) {
    const where = strings + v.getUint32(at, true);
    if (where + name.length >= HEADER_SIZE) continue;
    const bytes = new Uint8Array(v.buffer, where, name.length + 1);
    if (Buffer.from(bytes).toString('latin1') === `${name}\0`) return Number(v.getBigUint64(at + 8, true));
  }
  return undefined;
}
