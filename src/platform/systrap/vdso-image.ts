/**
 * The VDSO as programs find it: a shared library of one page, by AT_SYSINFO_EHDR. The dynamic linkers of
 * glibc, musl and Go look its functions up by name and version LINUX_2.6; gdb by the same tables.
 *
 *   ELF header, program headers, dynamic section, symbols, their hash table, versions, names … code
 */
import { assert, present } from '../../base/assert.js';
import { Assembler } from './asm/assembler.js';
import { VDSO, VDSO_SIZE } from './layout.js';
import { emitVdso } from './vdso-code.js';

const EHDR_SIZE = 64;
const PHDR_SIZE = 56;
const SYM_SIZE = 24;
const VERDEF_SIZE = 20;
const VERDAUX_SIZE = 8;
const PT = { LOAD: 1, DYNAMIC: 2 } as const;
const PF = { EXEC: 1, READ: 4 } as const;
const DT = {
  HASH: 4,
  STRTAB: 5,
  SYMTAB: 6,
  STRSZ: 10,
  SYMENT: 11,
  SONAME: 14,
  VERSYM: 0x6fff_fff0,
  VERDEF: 0x6fff_fffc,
  VERDEFNUM: 0x6fff_fffd,
} as const;
const DYNAMIC_ENTRIES = Object.keys(DT).length + 1;
const SONAME = 'linux-vdso.so.1';
const VERSION = 'LINUX_2.6';
const VERSION_INDEX = 2;
const VER_FLG_BASE = 1;
const [STB_GLOBAL, STB_WEAK, STT_FUNC, STT_OBJECT] = [1, 2, 2, 1];
const SHN_ABS = 0xfff1;
/** No section headers come with it: any number but that of "undefined" says that a symbol is there. */
const SOME_SECTION = 1;
/** Where the code begins; the tables fit before it. */
const CODE = 0x500;

export interface VdsoImage {
  readonly bytes: Uint8Array;
  /** Addresses of the functions, by name. */
  readonly functions: ReadonlyMap<string, number>;
  /** Address of clock_gettime as a system call. */
  readonly systemCall: number;
}

interface Symbol {
  readonly name: string;
  readonly info: number;
  readonly section: number;
  readonly value: number;
}

export function vdsoImage(): VdsoImage {
  const a = new Assembler(VDSO + CODE);
  const { functions, systemCall } = emitVdso(a);
  const code = a.finish();
  const addresses = new Map(functions.map(([name, place]) => [name, a.addressOf(place)]));
  const image = new TableWriter(symbolsOf(addresses));
  assert(CODE + code.length <= VDSO_SIZE, 'the VDSO outgrew its page');
  image.bytes.set(code, CODE);
  return { bytes: image.bytes, functions: addresses, systemCall: a.addressOf(systemCall) };
}

/** Each function under both its names; and the version, as a symbol that stands for it. */
function symbolsOf(functions: ReadonlyMap<string, number>): Symbol[] {
  const symbols: Symbol[] = [
    { name: VERSION, info: (STB_GLOBAL << 4) | STT_OBJECT, section: SHN_ABS, value: 0 },
  ];
  for (const [name, address] of functions) {
    const here = { section: SOME_SECTION, value: address - VDSO };
    symbols.push({ ...here, name: `__vdso_${name}`, info: (STB_GLOBAL << 4) | STT_FUNC });
    symbols.push({ ...here, name, info: (STB_WEAK << 4) | STT_FUNC });
  }
  return symbols;
}

class TableWriter {
  readonly bytes = new Uint8Array(VDSO_SIZE);
  readonly #view = new DataView(this.bytes.buffer);
  readonly #names = new Map<string, number>();
  #strings = '\0';

  constructor(readonly symbols: readonly Symbol[]) {
    for (const name of [SONAME, ...symbols.map((s) => s.name)]) this.#intern(name);
    const dynamic = EHDR_SIZE + 2 * PHDR_SIZE;
    const symtab = dynamic + 16 * DYNAMIC_ENTRIES;
    const hash = symtab + SYM_SIZE * (symbols.length + 1);
    const verdef = hash + 4 * (3 + symbols.length + 1);
    const versym = verdef + 2 * (VERDEF_SIZE + VERDAUX_SIZE);
    const strtab = versym + 2 * (symbols.length + 1);
    assert(strtab + this.#strings.length <= CODE, "the VDSO's tables reach into its code");
    this.#headers(dynamic);
    this.#symbols(symtab);
    this.#hash(hash);
    this.#versions(verdef, versym);
    this.bytes.set(Buffer.from(this.#strings, 'latin1'), strtab);
    this.#dynamic(dynamic, [
      [DT.HASH, hash],
      [DT.STRTAB, strtab],
      [DT.SYMTAB, symtab],
      [DT.STRSZ, this.#strings.length],
      [DT.SYMENT, SYM_SIZE],
      [DT.SONAME, this.#nameAt(SONAME)],
      [DT.VERSYM, versym],
      [DT.VERDEF, verdef],
      [DT.VERDEFNUM, 2],
    ]);
  }

  #intern(name: string): void {
    this.#names.set(name, this.#strings.length);
    this.#strings += `${name}\0`;
  }

  #nameAt(name: string): number {
    return present(this.#names.get(name), `name ${name}`);
  }

  #quad(at: number, value: number): void {
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  #headers(dynamic: number): void {
    const v = this.#view;
    this.bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // 64-bit, little endian
    v.setUint16(16, 3, true); // ET_DYN
    v.setUint16(18, 62, true); // EM_X86_64
    v.setUint32(20, 1, true);
    this.#quad(32, EHDR_SIZE);
    v.setUint16(52, EHDR_SIZE, true);
    v.setUint16(54, PHDR_SIZE, true);
    v.setUint16(56, 2, true);
    this.#segment(EHDR_SIZE, PT.LOAD, PF.READ | PF.EXEC, 0, VDSO_SIZE);
    this.#segment(EHDR_SIZE + PHDR_SIZE, PT.DYNAMIC, PF.READ, dynamic, 16 * DYNAMIC_ENTRIES);
  }

  #segment(at: number, type: number, flags: number, offset: number, size: number): void {
    this.#view.setUint32(at, type, true);
    this.#view.setUint32(at + 4, flags, true);
    for (const field of [8, 16, 24]) this.#quad(at + field, offset); // in the file, in memory, physical
    this.#quad(at + 32, size);
    this.#quad(at + 40, size);
    this.#quad(at + 48, type === PT.LOAD ? 0x1000 : 8);
  }

  #symbols(at: number): void {
    this.symbols.forEach(({ name, info, section, value }, i) => {
      const entry = at + SYM_SIZE * (i + 1); // the first is none
      this.#view.setUint32(entry, this.#nameAt(name), true);
      this.#view.setUint8(entry + 4, info);
      this.#view.setUint16(entry + 6, section, true);
      this.#quad(entry + 8, value);
    });
  }

  /** One bucket, in which each symbol leads to the next. */
  #hash(at: number): void {
    const count = this.symbols.length + 1;
    [1, count, 1].forEach((word, i) => {
      this.#view.setUint32(at + 4 * i, word, true);
    });
    for (let i = 1; i < count; i++) this.#view.setUint32(at + 12 + 4 * i, i + 1 < count ? i + 1 : 0, true);
  }

  #versions(verdef: number, versym: number): void {
    this.#version(verdef, { index: 1, flags: VER_FLG_BASE, name: SONAME, isLast: false });
    const second = verdef + VERDEF_SIZE + VERDAUX_SIZE;
    this.#version(second, { index: VERSION_INDEX, flags: 0, name: VERSION, isLast: true });
    this.symbols.forEach((_, i) => {
      this.#view.setUint16(versym + 2 * (i + 1), VERSION_INDEX, true);
    });
  }

  #version(at: number, of: { index: number; flags: number; name: string; isLast: boolean }): void {
    const v = this.#view;
    v.setUint16(at, 1, true);
    v.setUint16(at + 2, of.flags, true);
    v.setUint16(at + 4, of.index, true);
    v.setUint16(at + 6, 1, true); // one name
    v.setUint32(at + 8, elfHash(of.name), true);
    v.setUint32(at + 12, VERDEF_SIZE, true);
    v.setUint32(at + 16, of.isLast ? 0 : VERDEF_SIZE + VERDAUX_SIZE, true);
    v.setUint32(at + VERDEF_SIZE, this.#nameAt(of.name), true);
  }

  #dynamic(at: number, entries: readonly (readonly [number, number])[]): void {
    entries.forEach(([tag, value], i) => {
      this.#quad(at + 16 * i, tag);
      this.#quad(at + 16 * i + 8, value);
    });
  }
}

/** The System V hash of a name (gABI, Hash Table). */
function elfHash(name: string): number {
  let h = 0;
  for (const c of Buffer.from(name, 'latin1')) {
    h = ((h << 4) + c) >>> 0;
    const high = (h & 0xf000_0000) >>> 0;
    h = ((h ^ (high >>> 24)) & ~high) >>> 0;
  }
  return h;
}
