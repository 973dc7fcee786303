/** The assembler against binutils' disassembler: what we emit is what we meant. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Assembler } from '../../../../src/platform/systrap/asm/assembler.js';
import * as operands from '../../../../src/platform/systrap/asm/operands.js';
import { at, indexed, type Mem, type Reg } from '../../../../src/platform/systrap/asm/operands.js';

const NAMES64 = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
];
const NAMES32 = [
  'eax',
  'ecx',
  'edx',
  'ebx',
  'esp',
  'ebp',
  'esi',
  'edi',
  'r8d',
  'r9d',
  'r10d',
  'r11d',
  'r12d',
  'r13d',
  'r14d',
  'r15d',
];
const registers = operands as unknown as Record<string, Reg>;
const hasObjdump = spawnSync('objdump', ['--version']).status === 0;

const reg64 = fc.constantFrom(...NAMES64).map((name) => ({ name, reg: registers[name] as Reg }));
const reg32 = fc.constantFrom(...NAMES32).map((name) => ({ name, reg: registers[name] as Reg }));
const displacement = fc.oneof(
  fc.integer({ min: -128, max: 127 }),
  fc.integer({ min: -0x7fff_ffff, max: 0x7fff_ffff }),
);
const hex = (n: number): string => `0x${n.toString(16)}`;
const signed = (n: number): string => (n < 0 ? `-${hex(-n)}` : `+${hex(n)}`);

const memory = fc
  .record({
    base: reg64,
    index: fc.option(
      reg64.filter((r) => r.name !== 'rsp'),
      { nil: undefined },
    ),
    scale: fc.constantFrom(1, 2, 4, 8) as fc.Arbitrary<1 | 2 | 4 | 8>,
    d: displacement,
  })
  .map(({ base, index, scale, d }): { text: string; mem: Mem } => ({
    text: `[${base.name}${index ? `+${index.name}*${scale}` : ''}${signed(d)}]`,
    mem: index ? indexed(base.reg, index.reg, scale, d) : at(base.reg, d),
  }));

interface Instruction {
  readonly text: string;
  readonly emit: (a: Assembler) => void;
}

const immediate = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
/** As objdump shows a sign-extended immediate of a 64- or 32-bit operation. */
const shown = (n: number, bits: 32 | 64): string =>
  n < 0 ? `0x${BigInt.asUintN(bits, BigInt(n)).toString(16)}` : hex(n);

const both = fc.oneof(
  fc.tuple(reg64, reg64, fc.constant(64 as const)),
  fc.tuple(reg32, reg32, fc.constant(32 as const)),
);
const instruction: fc.Arbitrary<Instruction> = fc.oneof(
  both.map(([x, y]) => ({ text: `mov ${x.name},${y.name}`, emit: (a: Assembler) => a.mov(x.reg, y.reg) })),
  both.map(([x, y]) => ({ text: `xor ${x.name},${y.name}`, emit: (a: Assembler) => a.xor(x.reg, y.reg) })),
  both.map(([x, y]) => ({ text: `cmp ${x.name},${y.name}`, emit: (a: Assembler) => a.cmpReg(x.reg, y.reg) })),
  both.map(([x, y]) => ({
    text: `test ${x.name},${y.name}`,
    emit: (a: Assembler) => a.testReg(x.reg, y.reg),
  })),
  fc
    .tuple(both, memory)
    .map(([[x], m]) => ({ text: `mov ${x.name},${m.text}`, emit: (a: Assembler) => a.load(x.reg, m.mem) })),
  fc
    .tuple(both, memory)
    .map(([[x], m]) => ({ text: `mov ${m.text},${x.name}`, emit: (a: Assembler) => a.store(m.mem, x.reg) })),
  fc
    .tuple(reg64, memory)
    .map(([x, m]) => ({ text: `lea ${x.name},${m.text}`, emit: (a: Assembler) => a.lea(x.reg, m.mem) })),
  fc
    .tuple(both, memory)
    .map(([[x], m]) => ({ text: `xchg ${m.text},${x.name}`, emit: (a: Assembler) => a.xchg(m.mem, x.reg) })),
  fc.tuple(both, memory).map(([[x], m]) => ({
    text: `lock xadd ${m.text},${x.name}`,
    emit: (a: Assembler) => a.lockXadd(m.mem, x.reg),
  })),
  fc.tuple(both, memory).map(([[x], m]) => ({
    text: `lock cmpxchg ${m.text},${x.name}`,
    emit: (a: Assembler) => a.lockCmpxchg(m.mem, x.reg),
  })),
  fc.tuple(both, immediate).map(([[x, , bits], n]) => ({
    text: `add ${x.name},${shown(n, bits)}`,
    emit: (a: Assembler) => a.add(x.reg, n),
  })),
  fc.tuple(both, immediate).map(([[x, , bits], n]) => ({
    text: `and ${x.name},${shown(n, bits)}`,
    emit: (a: Assembler) => a.and(x.reg, n),
  })),
  fc.tuple(both, immediate).map(([[x, , bits], n]) => ({
    text: `cmp ${x.name},${shown(n, bits)}`,
    emit: (a: Assembler) => a.cmp(x.reg, n),
  })),
  fc.tuple(both, immediate).map(([[x, , bits], n]) => ({
    text: `test ${x.name},${shown(n, bits)}`,
    emit: (a: Assembler) => a.testImm(x.reg, n),
  })),
  fc.tuple(memory, immediate).map(([m, n]) => ({
    text: `mov DWORD PTR ${m.text},${shown(n, 32)}`,
    emit: (a: Assembler) => a.storeImm32(m.mem, n),
  })),
  fc.tuple(memory, immediate).map(([m, n]) => ({
    text: `mov QWORD PTR ${m.text},${shown(n, 64)}`,
    emit: (a: Assembler) => a.storeImm64(m.mem, n),
  })),
  fc.tuple(memory, immediate).map(([m, n]) => ({
    text: `cmp DWORD PTR ${m.text},${shown(n, 32)}`,
    emit: (a: Assembler) => a.cmpMem32(m.mem, n),
  })),
  fc
    .tuple(reg32, fc.nat())
    .map(([x, n]) => ({ text: `mov ${x.name},${hex(n)}`, emit: (a: Assembler) => a.movImm32(x.reg, n) })),
  fc.tuple(reg64, fc.bigInt({ min: 0x1_0000_0000n, max: 0x7fff_ffff_ffff_ffffn })).map(([x, n]) => ({
    text: `movabs ${x.name},0x${n.toString(16)}`,
    emit: (a: Assembler) => a.movImm64(x.reg, n),
  })),
  both.map(([x, y]) => ({ text: `sub ${x.name},${y.name}`, emit: (a: Assembler) => a.subReg(x.reg, y.reg) })),
  fc
    .tuple(both, memory)
    .map(([[x], m]) => ({ text: `sub ${x.name},${m.text}`, emit: (a: Assembler) => a.subMem(x.reg, m.mem) })),
  reg32.map((x) => ({ text: `div ${x.name}`, emit: (a: Assembler) => a.div(x.reg) })),
  reg64.map((x) => ({ text: `push ${x.name}`, emit: (a: Assembler) => a.push(x.reg) })),
  reg64.map((x) => ({ text: `pop ${x.name}`, emit: (a: Assembler) => a.pop(x.reg) })),
  memory.map((m) => ({ text: `call ${m.text}`, emit: (a: Assembler) => a.callMem(m.mem) })),
  memory.map((m) => ({ text: `jmp ${m.text}`, emit: (a: Assembler) => a.jmpMem(m.mem) })),
  both.map(([x]) => ({ text: `dec ${x.name}`, emit: (a: Assembler) => a.dec(x.reg) })),
  both.map(([x]) => ({ text: `inc ${x.name}`, emit: (a: Assembler) => a.inc(x.reg) })),
  fc.constantFrom<Instruction>(
    { text: 'ret', emit: (a) => a.ret() },
    { text: 'syscall', emit: (a) => a.syscall() },
    { text: 'pause', emit: (a) => a.pause() },
    { text: 'ud2', emit: (a) => a.ud2() },
    { text: 'int3', emit: (a) => a.int3() },
  ),
);

function disassemble(code: Uint8Array): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'troupe-asm-'));
  try {
    const file = join(directory, 'code.bin');
    writeFileSync(file, code);
    const out = execFileSync(
      'objdump',
      ['-D', '-b', 'binary', '-mi386:x86-64', '-Mintel', '--no-show-raw-insn', file],
      {
        encoding: 'utf8',
      },
    );
    return out
      .split('\n')
      .filter((l) => /^\s+[0-9a-f]+:\t/.test(l))
      .map((l) => l.replace(/^\s+[0-9a-f]+:\t/, '').trim());
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** One spelling for what objdump says in several ways. */
function normal(text: string): string {
  const plain = text
    .replace(/\s+/g, ' ')
    .replace(/\b(ds|ss|es|cs):/g, '')
    .replace(/\*1(?=[+\-\]])/g, '')
    .replace(/\+0x0\]/, ']')
    .trim();
  // Only where the size is not said by a register.
  const sized = /^(mov|cmp) [DQ]WORD PTR \[[^\]]*\],(-?0x)/.test(plain);
  return sized ? plain : plain.replace(/[DQ]?WORD PTR /g, '');
}

(hasObjdump ? describe : describe.skip)('against objdump (skipped where binutils is not installed)', () => {
  test('every instruction disassembles to what was asked for', () => {
    fc.assert(
      fc.property(fc.array(instruction, { minLength: 50, maxLength: 200 }), (instructions) => {
        const a = new Assembler(0);
        for (const i of instructions) i.emit(a);
        const lines = disassemble(a.finish());
        expect(lines.map(normal)).toEqual(instructions.map((i) => normal(i.text)));
      }),
      { numRuns: 12 },
    );
  });

  test('branches go to their labels, forward and backward', () => {
    const a = new Assembler(0);
    const [back, ahead] = [a.label('back'), a.label('ahead')];
    a.place(back);
    a.jmp(ahead);
    a.j('notEqual', back);
    a.j('aboveOrEqual', ahead);
    a.place(ahead);
    a.leaLabel(operands.rsi, back);
    const lines = disassemble(a.finish()).map((l) => l.replace(/\s+/g, ' '));
    expect(lines).toEqual(['jmp 0x11', 'jne 0x0', 'jae 0x11', 'lea rsi,[rip+0xffffffffffffffe8] # 0x0']);
  });
});

describe('labels', () => {
  test('a label that was never placed is a bug', () => {
    const a = new Assembler(0);
    a.jmp(a.label('nowhere'));
    expect(() => a.finish()).toThrow(/nowhere/);
  });

  test('a label placed twice is a bug', () => {
    const a = new Assembler(0);
    const l = a.label('twice');
    a.place(l);
    expect(() => a.place(l)).toThrow(/twice/);
  });

  test('addresses count from the origin', () => {
    const a = new Assembler(0x7000_0000_0000);
    a.syscall();
    const l = a.label('here');
    a.place(l);
    expect(a.addressOf(l)).toBe(0x7000_0000_0002);
  });
});
