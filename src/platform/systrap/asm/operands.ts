/** Operands of x86-64 instructions: general registers, memory, labels. */

/** A general register by its hardware number; `bits` chooses how much of it an instruction uses. */
export interface Reg {
  readonly kind: 'reg';
  readonly number: number;
  readonly bits: 32 | 64;
}

function registers<const N extends readonly string[]>(names: N, bits: 32 | 64): Record<N[number], Reg> {
  const entries = names.map((name, number) => [name, { kind: 'reg', number, bits }] as const);
  return Object.fromEntries(entries) as Record<N[number], Reg>;
}

export const { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 } = registers(
  [
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
  ],
  64,
);
export const { eax, ecx, edx, ebx, esp, ebp, esi, edi, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d } =
  registers(
    [
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
    ],
    32,
  );

/** [base + index * scale + displacement] */
export interface Mem {
  readonly kind: 'mem';
  readonly base: Reg;
  readonly displacement: number;
  readonly index?: Reg;
  readonly scale: 1 | 2 | 4 | 8;
}

export function at(base: Reg, displacement = 0): Mem {
  return { kind: 'mem', base, displacement, scale: 1 };
}

export function indexed(base: Reg, index: Reg, scale: 1 | 2 | 4 | 8, displacement = 0): Mem {
  return { kind: 'mem', base, index, scale, displacement };
}

/** A place in the code, before or after it is known. */
export interface Label {
  readonly kind: 'label';
  readonly name: string;
  offset: number | undefined;
}
