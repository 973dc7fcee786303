/**
 * An assembler for the few x86-64 instructions that the stub needs (Intel SDM vol. 2; AMD APM vol. 3).
 *
 * Operands are in Intel order, destination first. Every instruction has one encoding; displacements
 * are 8 or 32 bits, branches always 32, so code is laid out in one pass and labels are patched at
 * the end. Immediates are sign-extended 32-bit values unless the method says otherwise.
 */
import { assert, present } from '../../../base/assert.js';
import type { Label, Mem, Reg } from './operands.js';

/** Condition codes of Jcc. Unsigned: below, above; signed: less, greater. */
const CONDITION = {
  below: 2,
  aboveOrEqual: 3,
  equal: 4,
  notEqual: 5,
  belowOrEqual: 6,
  above: 7,
  sign: 8,
  notSign: 9,
} as const;
export type Condition = keyof typeof CONDITION;

/** The /n of the group-1 instructions (opcode 81), which is also opcode / 8 of their register forms. */
const GROUP1 = { add: 0, or: 1, and: 4, sub: 5, xor: 6, cmp: 7 } as const;

export class Assembler {
  readonly #code: number[] = [];
  readonly #fixups: { at: number; label: Label }[] = [];

  constructor(
    /** Address at which the code will run. */
    readonly origin: number,
  ) {}

  get size(): number {
    return this.#code.length;
  }

  label(name: string): Label {
    return { kind: 'label', name, offset: undefined };
  }

  place(label: Label): void {
    assert(label.offset === undefined, `label ${label.name} is placed twice`);
    label.offset = this.size;
  }

  addressOf(label: Label): number {
    return this.origin + present(label.offset, `label ${label.name}`);
  }

  // Data movement

  mov(to: Reg, from: Reg): void {
    this.#modrmReg(0x89, from, to);
  }
  /** Zero-extends into the whole register. */
  movImm32(to: Reg, value: number): void {
    this.#rex(0, undefined, undefined, to);
    this.#byte(0xb8 + (to.number & 7));
    this.#dword(value);
  }
  movImm64(to: Reg, value: number | bigint): void {
    this.#rex(1, undefined, undefined, to);
    this.#byte(0xb8 + (to.number & 7));
    const v = BigInt.asUintN(64, BigInt(value));
    this.#dword(Number(v & 0xffff_ffffn));
    this.#dword(Number(v >> 32n));
  }
  load(to: Reg, from: Mem): void {
    this.#modrmMem([0x8b], to, from);
  }
  store(to: Mem, from: Reg): void {
    this.#modrmMem([0x89], from, to);
  }
  /** Stores a 32-bit immediate to a 32-bit word. */
  storeImm32(to: Mem, value: number): void {
    this.#modrmMem([0xc7], digit(0, 32), to);
    this.#dword(value);
  }
  /** Stores a sign-extended 32-bit immediate to a 64-bit word. */
  storeImm64(to: Mem, value: number): void {
    this.#modrmMem([0xc7], digit(0, 64), to);
    this.#dword(value);
  }
  lea(to: Reg, from: Mem): void {
    this.#modrmMem([0x8d], to, from);
  }
  /** The address of a label, relative to the instruction pointer. */
  leaLabel(to: Reg, label: Label): void {
    this.#rex(1, to, undefined, undefined);
    this.#byte(0x8d);
    this.#byte(((to.number & 7) << 3) | 5);
    this.#relative(label);
  }
  /** Swaps; with a memory operand it is a full barrier. */
  xchg(memory: Mem, register: Reg): void {
    this.#modrmMem([0x87], register, memory);
  }
  lockXadd(memory: Mem, register: Reg): void {
    this.#byte(0xf0);
    this.#modrmMem([0x0f, 0xc1], register, memory);
  }
  /** If memory equals (e)ax it becomes `register` (ZF set), else (e)ax becomes memory. */
  lockCmpxchg(memory: Mem, register: Reg): void {
    this.#byte(0xf0);
    this.#modrmMem([0x0f, 0xb1], register, memory);
  }

  // Arithmetic

  add(to: Reg, value: number): void {
    this.#group1(GROUP1.add, to, value);
  }
  sub(to: Reg, value: number): void {
    this.#group1(GROUP1.sub, to, value);
  }
  and(to: Reg, value: number): void {
    this.#group1(GROUP1.and, to, value);
  }
  cmp(left: Reg, value: number): void {
    this.#group1(GROUP1.cmp, left, value);
  }
  cmpReg(left: Reg, right: Reg): void {
    this.#modrmReg(0x39, right, left);
  }
  /** Compares a 32-bit word. */
  cmpMem32(left: Mem, value: number): void {
    this.#modrmMem([0x81], digit(GROUP1.cmp, 32), left);
    this.#dword(value);
  }
  subReg(to: Reg, from: Reg): void {
    this.#modrmReg(0x29, from, to);
  }
  subMem(to: Reg, from: Mem): void {
    this.#modrmMem([0x2b], to, from);
  }
  /** edx:eax divided by a 32-bit register: the quotient in eax, the rest in edx. */
  div(by: Reg): void {
    this.#modrmReg(0xf7, digit(6, 32), by);
  }
  xor(to: Reg, from: Reg): void {
    this.#modrmReg(0x31, from, to);
  }
  testReg(left: Reg, right: Reg): void {
    this.#modrmReg(0x85, right, left);
  }
  testImm(left: Reg, value: number): void {
    this.#modrmReg(0xf7, digit(0, left.bits), left);
    this.#dword(value);
  }
  dec(to: Reg): void {
    this.#modrmReg(0xff, digit(1, to.bits), to);
  }
  inc(to: Reg): void {
    this.#modrmReg(0xff, digit(0, to.bits), to);
  }

  // Control

  push(register: Reg): void {
    this.#rex(0, undefined, undefined, register);
    this.#byte(0x50 + (register.number & 7));
  }
  pop(register: Reg): void {
    this.#rex(0, undefined, undefined, register);
    this.#byte(0x58 + (register.number & 7));
  }
  /** Calls the function whose address is in memory. */
  callMem(address: Mem): void {
    this.#modrmMem([0xff], digit(2, 32), address);
  }
  jmpMem(address: Mem): void {
    this.#modrmMem([0xff], digit(4, 32), address);
  }
  call(label: Label): void {
    this.#byte(0xe8);
    this.#relative(label);
  }
  ret(): void {
    this.#byte(0xc3);
  }
  jmp(label: Label): void {
    this.#byte(0xe9);
    this.#relative(label);
  }
  j(condition: Condition, label: Label): void {
    this.#byte(0x0f);
    this.#byte(0x80 + CONDITION[condition]);
    this.#relative(label);
  }
  syscall(): void {
    this.#bytes(0x0f, 0x05);
  }
  pause(): void {
    this.#bytes(0xf3, 0x90);
  }
  ud2(): void {
    this.#bytes(0x0f, 0x0b);
  }
  int3(): void {
    this.#byte(0xcc);
  }

  // Data

  align(to: number): void {
    while (this.size % to !== 0) this.int3();
  }
  data(bytes: Uint8Array): void {
    for (const b of bytes) this.#byte(b);
  }
  quad(value: number | bigint): void {
    const v = BigInt.asUintN(64, BigInt(value));
    this.#dword(Number(v & 0xffff_ffffn));
    this.#dword(Number(v >> 32n));
  }

  /** The code, with every label resolved. */
  finish(): Uint8Array {
    const out = Uint8Array.from(this.#code);
    const view = new DataView(out.buffer);
    for (const { at, label } of this.#fixups) {
      view.setInt32(at, present(label.offset, `label ${label.name}`) - (at + 4), true);
    }
    return out;
  }

  #group1(operation: number, to: Reg, value: number): void {
    assert(value >= -0x8000_0000 && value <= 0xffff_ffff, 'immediate does not fit 32 bits');
    this.#modrmReg(0x81, digit(operation, to.bits), to);
    this.#dword(value);
  }

  #modrmReg(opcode: number, reg: Reg, rm: Reg): void {
    this.#rex(rm.bits === 64 ? 1 : 0, reg, undefined, rm);
    this.#byte(opcode);
    this.#byte(0xc0 | ((reg.number & 7) << 3) | (rm.number & 7));
  }

  #modrmMem(opcode: number[], reg: Reg, m: Mem): void {
    this.#rex(reg.bits === 64 ? 1 : 0, reg, m.index, m.base);
    this.#bytes(...opcode);
    const small = m.displacement >= -128 && m.displacement <= 127;
    // rbp and r13 as base have no form without displacement, so there is always one.
    const mod = small ? 0x40 : 0x80;
    const regBits = (reg.number & 7) << 3;
    const base = m.base.number & 7;
    if (m.index) {
      assert(m.index.number !== 4, 'rsp cannot be an index');
      this.#bytes(mod | regBits | 4, (Math.log2(m.scale) << 6) | ((m.index.number & 7) << 3) | base);
    } else if (base === 4) {
      // rsp and r12 as base need a SIB byte with "no index".
      this.#bytes(mod | regBits | 4, 0x24);
    } else {
      this.#byte(mod | regBits | base);
    }
    if (small) this.#byte(m.displacement & 0xff);
    else this.#dword(m.displacement);
  }

  #rex(w: 0 | 1, reg: Reg | undefined, index: Reg | undefined, base: Reg | undefined): void {
    const high = (r: Reg | undefined): number => ((r?.number ?? 0) >> 3) & 1;
    const rex = 0x40 | (w << 3) | (high(reg) << 2) | (high(index) << 1) | high(base);
    if (rex !== 0x40) this.#byte(rex);
  }

  #relative(label: Label): void {
    this.#fixups.push({ at: this.size, label });
    this.#dword(0);
  }
  #byte(b: number): void {
    this.#code.push(b & 0xff);
  }
  #bytes(...bs: number[]): void {
    for (const b of bs) this.#byte(b);
  }
  #dword(value: number): void {
    this.#bytes(value, value >>> 8, value >>> 16, value >>> 24);
  }
}

/** An opcode extension ("/n" in the manuals) in the place of a register. */
function digit(n: number, bits: 32 | 64): Reg {
  return { kind: 'reg', number: n, bits };
}
