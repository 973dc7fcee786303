/** What cannot be run: one clear line on stderr, the documented status, nothing left behind. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { CLI, type RunOptions, run, troupe } from './support/run.js';
import { tempFolder } from './support/temp.js';

const folder = tempFolder('bad-input');

function program(name: string, content: string | Uint8Array, mode = 0o755): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

async function expectFailure(
  command: readonly string[],
  status: number,
  options: RunOptions = {},
): Promise<void> {
  const result = await troupe([], command, options);
  expect(result).toMatchObject({ status, timedOut: false, leftovers: [] });
  expect(result.stdout.toString()).toBe('');
  expect(result.stderr).toMatch(/^troupe: [^\n]+; [^\n]+\n$/);
}

/** An ELF64 header with one field spoiled, in front of a real program. */
function spoiledElf(spoil: (header: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(readFileSync('/bin/true'));
  spoil(new DataView(bytes.buffer));
  return bytes;
}

describe('a command that cannot be found is 127', () => {
  test('no such name in PATH', () => expectFailure(['no-such-command-anywhere'], 127));
  test('no such path', () => expectFailure(['/no/such/command'], 127));
  test('a missing interpreter', () =>
    expectFailure([program('no-interpreter', '#!/no/such/interpreter\n')], 127));
  test('a missing ELF interpreter', async () => {
    const bytes = Buffer.from(readFileSync('/bin/true'));
    const at = bytes.indexOf('/lib64/ld-linux-x86-64.so.2');
    expect(at).toBeGreaterThan(0);
    bytes.write('/lib64/no-such-loader-here.', at);
    await expectFailure([program('no-loader', bytes)], 127);
  });
});

describe('a command that cannot be executed is 126', () => {
  test('a directory', () => expectFailure(['/etc'], 126));
  test('a text file without #!', () => expectFailure([program('text', 'echo hello\n')], 126));
  test('an empty file', () => expectFailure([program('empty', '')], 126));
  test('a file without permission to execute', () =>
    expectFailure([program('plain', '#!/bin/sh\n', 0o644)], 126));
  test('a path through a file', () => expectFailure(['/etc/passwd/x'], 126));

  test('an ELF cut off in its header', () =>
    expectFailure([program('cut-header', readFileSync('/bin/true').subarray(0, 40))], 126));

  test('an ELF cut off in its program headers', () =>
    expectFailure([program('cut-segments', readFileSync('/bin/true').subarray(0, 100))], 126));

  test('a 32-bit ELF', () => expectFailure([program('elf32', elf32())], 126));

  test.each<[string, (header: DataView) => void]>([
    ['65,535 program headers', (h) => h.setUint16(56, 0xffff, true)],
    ['no program headers', (h) => h.setUint16(56, 0, true)],
    ['program headers of a wrong size', (h) => h.setUint16(54, 1, true)],
    ['program headers past the end', (h) => h.setBigUint64(32, 0x7fff_ffff_ffff_f000n, true)],
    ['another machine', (h) => h.setUint16(18, 0xb7, true)],
    ['an object file', (h) => h.setUint16(16, 1, true)],
  ])('an ELF with %s', (name, spoil) =>
    expectFailure([program(`elf ${name}`.replaceAll(/\W/g, '-'), spoiledElf(spoil))], 126),
  );

  test('arguments of 3 MB', async () => {
    // The host's own limit on arguments grows with the stack limit; the guest's stays as it is.
    const words = `$(printf 'argument-of-troupe-%06d ' $(seq 1 125000))`;
    const line = `ulimit -s 65536; exec "$0" "$1" run -- /bin/echo ${words}`;
    const result = await run('bash', ['-c', line, process.execPath, CLI]);
    expect(result).toMatchObject({ status: 126, timedOut: false, leftovers: [] });
    expect(result.stderr).toMatch(/^troupe: [^\n]*too long[^\n]*\n$/);
  });

  test('a file that the user may not read or execute', async () => {
    const path = program('secret', readFileSync('/bin/true'), 0o700);
    const root = process.getuid?.() === 0;
    if (!root) chmodSync(path, 0o000);
    const result = await troupe(root ? ['--user', '65534:65534'] : [], [path]);
    expect(result).toMatchObject({ status: 126, leftovers: [] });
    expect(result.stderr).toContain('permission denied');
  });
});

describe('absurd segments end the command, not troupe', () => {
  test.each<[string, (header: DataView) => void]>([
    ['an entry point nowhere', (h) => h.setBigUint64(24, 0xdead_0000_0000n, true)],
    ['a segment of 2⁶² bytes', (h) => eachLoad(h, (at) => h.setBigUint64(at + 40, 1n << 62n, true))],
    [
      'segments in the kernel half',
      (h) => eachLoad(h, (at) => h.setBigUint64(at + 16, 0xffff_8000_0000_0000n, true)),
    ],
    [
      'a file size above the memory size',
      (h) => eachLoad(h, (at) => h.setBigUint64(at + 32, 1n << 40n, true)),
    ],
    ['file offsets past the end', (h) => eachLoad(h, (at) => h.setBigUint64(at + 8, 1n << 40n, true))],
    [
      'an interpreter path of 2³² bytes',
      (h) => eachOf(h, 3, (at) => h.setBigUint64(at + 32, 1n << 32n, true)),
    ],
  ])('%s', async (name, spoil) => {
    const path = program(`absurd ${name}`.replaceAll(/\W/g, '-'), spoiledElf(spoil));
    const result = await troupe([], [path]);
    expect(result).toMatchObject({ timedOut: false, leftovers: [] });
    // What Linux does differs by field: refuse with ENOEXEC, or start and die by a signal.
    expect([126, 127, 128 + 7, 128 + 9, 128 + 11]).toContain(result.status);
  });
});

describe('a wrong command line is 125 and says what to do', () => {
  test.each<[string, string[]]>([
    ['nothing', []],
    ['an unknown subcommand', ['walk']],
    ['no command', ['run']],
    ['an unknown option', ['run', '--nope', 'true']],
    ['an option without its value', ['run', '--cwd']],
    ['a wrong size', ['run', '--memory', 'lots', 'true']],
    ['a wrong user', ['run', '--user', 'nobody', 'true']],
    ['a wrong bind', ['run', '--bind', '/tmp', 'true']],
    ['a bind of what is not there', ['run', '--bind', '/no/such/thing:/x', 'true']],
    ['a root that is not there', ['run', '--rootfs', '/no/such/root', 'true']],
    ['a root that is a file', ['run', '--rootfs', '/etc/passwd', 'true']],
    ['a directory bound on a file', ['run', '--bind', '/usr:/etc/passwd', 'true']],
    ['a file bound on a directory', ['run', '--bind', '/etc/passwd:/usr', 'true']],
    ['a working directory that is not there', ['run', '--cwd', '/no/such/folder', 'true']],
    ['too little memory', ['run', '--memory', '1', 'true']],
    ['a wrong level', ['run', '--log', 'loud', 'true']],
  ])('%s', async (_name, args) => {
    const result = await run(process.execPath, [CLI, ...args]);
    expect(result).toMatchObject({ status: 125, timedOut: false, leftovers: [] });
    expect(result.stdout.toString()).toBe('');
    expect(result.stderr).toMatch(/^troupe: [^\n]+\n$/);
  });
});

test('a working directory that the sandbox does not have is / with a warning, unless it was asked for', async () => {
  const cwd = mkdtempSync('/tmp/troupe-cwd-');
  try {
    const result = await run(process.execPath, [CLI, 'run', 'pwd'], { cwd });
    expect(result).toMatchObject({ status: 0, leftovers: [] });
    expect(result.stdout.toString()).toBe('/\n');
    expect(result.stderr).toMatch(/^troupe: working directory [^\n]+; starting in \/[^\n]*\n$/);
    const asked = await run(process.execPath, [CLI, 'run', '--cwd', cwd, 'pwd'], { cwd });
    expect(asked).toMatchObject({ status: 125, leftovers: [] });
  } finally {
    rmSync(cwd, { recursive: true });
  }
});

test('help, version and doctor', async () => {
  for (const args of [['--help'], ['run', '--help'], ['doctor', '--help']]) {
    const help = await run(process.execPath, [CLI, ...args]);
    expect(help).toMatchObject({ status: 0, stderr: '' });
    expect(help.stdout.toString()).toMatch(/^Usage: troupe/);
  }
  const version = await run(process.execPath, [CLI, '--version']);
  expect(version.stdout.toString()).toMatch(/^\d+\.\d+\.\d+\n$/);
  const doctor = await run(process.execPath, [CLI, 'doctor', '--json']);
  expect(JSON.parse(doctor.stdout.toString())).toMatchObject({ ok: true });
});

function eachLoad(header: DataView, change: (at: number) => void): void {
  eachOf(header, 1, change);
}

/** Calls for each program header of the type, with its offset. */
function eachOf(header: DataView, type: number, change: (at: number) => void): void {
  const start = Number(header.getBigUint64(32, true));
  const count = header.getUint16(56, true);
  for (let i = 0; i < count; i++) {
    const at = start + i * 56;
    if (header.getUint32(at, true) === type) change(at);
  }
}

/** A whole i386 program: exit(0). */
function elf32(): Uint8Array {
  const bytes = new Uint8Array(96);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 3, true);
  view.setUint32(20, 1, true);
  view.setUint32(24, 0x0804_8054, true);
  view.setUint32(28, 52, true);
  view.setUint16(40, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, 1, true);
  const words = [1, 0, 0x0804_8000, 0x0804_8000, 96, 96, 5, 0x1000];
  words.forEach((word, i) => {
    view.setUint32(52 + 4 * i, word, true);
  });
  bytes.set([0x31, 0xc0, 0x40, 0x31, 0xdb, 0xcd, 0x80], 84);
  return bytes;
}
