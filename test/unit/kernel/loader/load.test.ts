import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { AUXV, ET_DYN, PT_INTERP } from '../../../../src/abi/elf.js';
import { E } from '../../../../src/abi/errno.js';
import { userAddr } from '../../../../src/base/brand.js';
import { bytesOf, latin1 } from '../../../../src/base/bytes.js';
import { type LoadedProgram, loadProgram } from '../../../../src/kernel/loader/load.js';
import { fail, must } from '../../../../src/kernel/outcome.js';
import { elfFile, segment } from '../../support/elf-builder.js';
import { limitsOf, memoryServices } from '../../support/memory.js';
import { type Program, programFiles } from '../../support/programs.js';

const STACK = 3;

function setUp(programs: Readonly<Record<string, Program>>) {
  const { fs, ctx, creds } = programFiles(programs);
  const { services, spaces } = memoryServices({ files: fs.contents, random: 3 });
  const load = (filename: string, argv: string[] = [filename], envp: string[] = []) =>
    loadProgram(services, { ctx, creds, limits: limitsOf({ [STACK]: 8 << 20 }), filename, argv, envp });
  return { fs, spaces, load };
}

const program = (bytes: Uint8Array, mode = 0o755): Program => ({ bytes, mode });
const text = (source: string, mode = 0o755): Program => program(bytesOf(source), mode);

const interp = (path: string) => {
  const file = elfFile([segment({ type: PT_INTERP, offset: 0x200, filesz: path.length + 1 }), segment()], {
    type: ET_DYN,
  });
  file.set(bytesOf(`${path}\0`), 0x200);
  return program(file);
};

/** argv as the new program sees it. */
function argvOf({ mm, sp }: LoadedProgram) {
  const argc = mm.memory.readU64(sp);
  return Array.from({ length: argc }, (_, i) => {
    const at = mm.memory.readU64(userAddr(sp + 8 + 8 * i));
    return latin1(mm.memory.readCString(userAddr(at), 4096) ?? new Uint8Array(0));
  });
}

describe('loading', () => {
  test('a static program at its own addresses, zeros behind its data', () => {
    const data = segment({ vaddr: 0x60_1800, offset: 0x1800, filesz: 0x100, memsz: 0x3000, flags: 6 });
    const { load, fs } = setUp({ '/bin/a': program(elfFile([segment(), data])) });
    const loaded = must(load('/bin/a', ['a', 'b'], ['K=V']));
    const { mm } = loaded;
    expect(loaded).toMatchObject({ pc: 0x40_0100, comm: 'a' });
    expect(argvOf(loaded)).toEqual(['a', 'b']);
    expect([...mm.memory.readBytes(userAddr(0x60_18fe), 4)]).toEqual([0xfe, 0xff, 0, 0]);
    expect(mm.memory.readBytes(userAddr(0x60_1900), 0x2f00).every((b) => b === 0)).toBe(true);
    expect(mm.brkStart).toBeGreaterThanOrEqual(0x60_5000);
    expect([...mm.vmas].at(-1)).toMatchObject({ end: mm.layout.stackTop, name: '[stack]' });
    expect(mm.image.exe).toBe(loaded.exe);
    mm.release();
    expect(fs.open).toBe(0);
  });

  test('a program of this machine with its interpreter', () => {
    const ld = '/lib64/ld-linux-x86-64.so.2';
    const { load, spaces } = setUp({
      '/bin/true': program(readFileSync('/bin/true')),
      [ld]: program(readFileSync(ld)),
    });
    const { mm, pc } = must(load('/bin/true'));
    const auxv = new DataView(mm.image.auxv.buffer);
    const aux = new Map<number, number>();
    for (let i = 0; i < auxv.byteLength; i += 16) {
      aux.set(Number(auxv.getBigUint64(i, true)), Number(auxv.getBigUint64(i + 8, true)));
    }
    const phdr = userAddr(aux.get(AUXV.PHDR) ?? 0);
    expect(mm.memory.readBytes(phdr, 56)).toEqual(
      Uint8Array.from(readFileSync('/bin/true').subarray(64, 120)),
    );
    expect(mm.vmas.find(pc)?.start).toBeGreaterThan(aux.get(AUXV.BASE) ?? 0);
    expect(mm.vmas.find(pc)?.prot).toBe(5);
    expect(mm.vmas.find(aux.get(AUXV.ENTRY) ?? 0)?.prot).toBe(5);
    expect([aux.get(AUXV.UID), aux.get(AUXV.SECURE), aux.get(AUXV.PAGESZ)]).toEqual([1000, 0, 4096]);
    expect(aux.has(AUXV.SYSINFO_EHDR)).toBe(false);
    expect(spaces).toHaveLength(1);
    mm.release();
  });

  test('a script by its interpreter, nested', () => {
    const { load } = setUp({
      '/bin/a': program(elfFile([segment()])),
      '/s1': text('#!/bin/a -x y\n'),
      '/s2': text('#!/s1\n'),
    });
    const loaded = must(load('/s2', ['name', 'arg']));
    expect(argvOf(loaded)).toEqual(['/bin/a', '-x y', '/s1', '/s2', 'arg']);
    expect(loaded.comm).toBe('s2');
    loaded.mm.release();
  });

  test('an empty argument list gets an empty name', () => {
    const { load } = setUp({ '/bin/a': program(elfFile([segment()])) });
    expect(argvOf(must(load('/bin/a', [])))).toEqual(['']);
  });

  const scripts: Record<string, Program> = { '/s0': program(elfFile([segment()])) };
  for (let i = 1; i <= 6; i++) scripts[`/s${i}`] = text(`#!/s${i - 1}\n`);

  test('scripts nest five deep, and no deeper (ELOOP)', () => {
    const { load, fs } = setUp(scripts);
    must(load('/s5')).mm.release();
    expect(load('/s6')).toBe(fail(E.ELOOP));
    expect(fs.open).toBe(0);
  });

  const bad: [string, Program | undefined, number][] = [
    ['a missing file', undefined, E.ENOENT],
    ['no permission', program(elfFile([segment()]), 0o644), E.EACCES],
    ['text without "#!"', text('echo hi\n'), E.ENOEXEC],
    ['an empty file', text(''), E.ENOEXEC],
    ['a truncated ELF', program(elfFile([segment()], {}, 0x800)), E.ENOEXEC],
    ['a segment below the lowest address', program(elfFile([segment({ vaddr: 0 })])), E.ENOEXEC],
    ['a script without its interpreter', text('#!/nowhere\n'), E.ENOENT],
    ['a script whose interpreter is a directory', text('#!/bin\n'), E.EACCES],
    ['a missing interpreter', interp('/lib/none'), E.ENOENT],
    ['an interpreter that is no ELF', interp('/lib/text'), E.ELIBBAD],
    ['an interpreter with absurd headers', interp('/lib/absurd'), E.ELIBBAD],
    ['an interpreter without permission', interp('/lib/private'), E.EACCES],
  ];
  test.each(bad)('%s fails, and leaves nothing behind', (_name, file, errno) => {
    const { load, fs, spaces } = setUp({
      '/bin/other': text(''),
      '/lib/text': text('hello'),
      '/lib/absurd': program(elfFile([segment({ memsz: 2 ** 62 })])),
      '/lib/private': program(elfFile([segment()]), 0o600),
      ...(file ? { '/bin/a': file } : {}),
    });
    expect(load('/bin/a')).toEqual(fail(errno as typeof E.ENOENT));
    expect(fs.open).toBe(0);
    expect(spaces.every((s) => s.released)).toBe(true);
  });

  test('a directory fails with EACCES, too many arguments with E2BIG', () => {
    const { load, fs } = setUp({ '/bin/a': program(elfFile([segment()])) });
    expect(load('/bin')).toBe(fail(E.EACCES));
    expect(load('/bin/a', new Array(30).fill('x'.repeat(100_000)))).toBe(fail(E.E2BIG));
    expect(fs.open).toBe(0);
  });
});
