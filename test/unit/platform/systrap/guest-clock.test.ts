/** What guests read the time by without a system call, in real stub processes. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { userAddr } from '../../../../src/base/brand.js';
import { hostMonotonic } from '../../../../src/platform/host/clock.unsafe.js';
import type { AddressSpace, Context } from '../../../../src/platform/platform.js';
import { Assembler } from '../../../../src/platform/systrap/asm/assembler.js';
import { at, eax, edi, rax, rbx, rcx, rdi, rdx, rsi } from '../../../../src/platform/systrap/asm/operands.js';
import { clockGettimeOffset } from '../../../../src/platform/systrap/host-vdso.unsafe.js';
import { GUEST_END, TIME_PAGE, timePage, VDSO, VDSO_SIZE } from '../../../../src/platform/systrap/layout.js';
import {
  newSystrapPlatform,
  type SystrapOptions,
  type SystrapPlatform,
} from '../../../../src/platform/systrap/systrap.unsafe.js';
import { vdsoImage } from '../../../../src/platform/systrap/vdso-image.js';

const CODE = userAddr(0x10_0000);
const DATA = userAddr(0x20_0000);
const STACK = userAddr(0x31_0000);
const PAGE = 4096;
/** Where the guest finds the function to call. */
const FUNCTION = DATA + 256;
const DEADLINE_MS = 10_000;
const EXIT = 60;
const CLOCK_GETTIME = 228;
const SIGSEGV = 11;
const EACCES = 13;

const image = vdsoImage();
const hostHasClock = clockGettimeOffset() !== undefined;
const withHostClock = hostHasClock ? test : test.skip;

let platform: SystrapPlatform;
let trapped: Context[];
let deaths: string[];

function boot(options: Partial<SystrapOptions> = {}): void {
  platform = newSystrapPlatform({ began: hostMonotonic(), ...options });
  trapped = [];
  deaths = [];
  platform.attach({
    onTrap: (context) => trapped.push(context),
    onDeath: (_space, why) => deaths.push(why),
  });
}
beforeEach(() => boot());
afterEach(() => platform.dispose());

function guest(emit: (a: Assembler) => void): AddressSpace {
  const a = new Assembler(CODE);
  emit(a);
  const space = platform.createAddressSpace();
  space.map({ addr: CODE, length: PAGE, prot: 7, shared: false });
  space.map({ addr: DATA, length: PAGE, prot: 3, shared: false });
  space.map({ addr: userAddr(STACK - 16 * PAGE), length: 16 * PAGE, prot: 3, shared: false });
  expect(space.flush()).toBe(0);
  const code = a.finish();
  expect(space.write(CODE, code)).toBe(code.length);
  space.first.reset(CODE, STACK);
  return space;
}

function nextTrap(context?: Context): Context {
  trapped.length = 0;
  context?.resume();
  const end = Date.now() + DEADLINE_MS;
  while (trapped.length === 0 && deaths.length === 0) {
    if (Date.now() > end) throw new Error('no trap came');
    if (platform.poll() === 0) platform.park(1e6);
  }
  const [first] = trapped;
  if (!first) throw new Error(`the guest died: ${deaths.join(', ')}`);
  return first;
}

function callFunction(a: Assembler, clock: number): void {
  a.movImm64(rbx, FUNCTION);
  a.movImm32(edi, clock);
  a.movImm64(rsi, DATA);
  a.callMem(at(rbx));
}

/** Calls the VDSO's clock_gettime over and over, with a system call of our own after each when `tells`. */
function clockReader(options: { tells: boolean; clock?: number }): AddressSpace {
  const space = guest((a) => {
    const again = a.label('again');
    a.place(again);
    callFunction(a, options.clock ?? 1);
    if (options.tells) {
      a.movImm32(eax, EXIT);
      a.syscall();
    }
    a.jmp(again);
  });
  writeQuad(space, FUNCTION, BigInt(image.functions.get('clock_gettime') ?? 0));
  return space;
}

function writeQuad(space: AddressSpace, address: number, value: bigint): void {
  expect(space.write(userAddr(address), new Uint8Array(BigUint64Array.of(value).buffer))).toBe(8);
}

function readTime(space: AddressSpace): number {
  const bytes = new Uint8Array(16);
  expect(space.read(DATA, bytes)).toBe(16);
  const [sec = 0n, nsec = 0n] = new BigInt64Array(bytes.buffer);
  return Number(sec) * 1e9 + Number(nsec);
}

const numberOf = (c: Context): number => {
  expect(c.trap.kind).toBe('syscall');
  return c.syscallNumber();
};

describe('the VDSO', () => {
  withHostClock("shows the host's monotonic clock from the kernel's beginning, shifted as it is told", () => {
    platform.setClockShift(0);
    const { first } = clockReader({ tells: true });
    expect(numberOf(nextTrap(first))).toBe(EXIT);
    const before = readTime(first.addressSpace as AddressSpace);
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(60e9);
    platform.setClockShift(-before);
    nextTrap(first);
    const paused = readTime(first.addressSpace);
    expect(paused).toBeGreaterThan(0);
    platform.setClockShift(5000e9);
    nextTrap(first);
    const ahead = readTime(first.addressSpace);
    expect(ahead - paused - before).toBeGreaterThan(5000e9);
    expect(ahead - paused - before).toBeLessThan(5060e9);
  });

  test('asks by a system call, its arguments as they were, while it is not told the time', () => {
    platform.setClockShift(undefined);
    for (const clock of [0, 1, 4, 5, 6, 7]) {
      const { first } = clockReader({ tells: true, clock });
      const c = nextTrap(first);
      expect(numberOf(c)).toBe(CLOCK_GETTIME);
      expect(c.argLo(0)).toBe({ 4: 1, 7: 1 }[clock] ?? clock);
      expect(c.argLo(1)).toBe(DATA);
      c.setReturn(-5);
      expect(numberOf(nextTrap(c))).toBe(EXIT);
    }
  });

  test('asks for the clocks that it does not have', () => {
    platform.setClockShift(0);
    for (const clock of [2, 3, 8, 77]) {
      const c = nextTrap(clockReader({ tells: true, clock }).first);
      expect([numberOf(c), c.argLo(0)]).toEqual([CLOCK_GETTIME, clock]);
    }
  });

  withHostClock("never stands still inside of the host's", () => {
    platform.setClockShift(0);
    const { first } = clockReader({ tells: false });
    first.resume();
    let inVdso = 0;
    for (let i = 0; i < 300; i++) {
      first.interrupt();
      const c = nextTrap();
      expect(c.trap.kind).toBe('interrupt');
      const pc = c.getPc();
      if (pc >= VDSO && pc < VDSO + VDSO_SIZE) inVdso++;
      else expect(pc).toBeLessThan(GUEST_END);
      c.resume();
    }
    // Most of its time is spent in the host's: it was found there, and led out.
    expect(inVdso).toBeGreaterThan(20);
  });

  withHostClock("asks by system calls from the moment that the host's does", () => {
    platform.setClockShift(0);
    const reader = clockReader({ tells: true }).first;
    expect(numberOf(nextTrap(reader))).toBe(EXIT);
    // As the host's VDSO does when the host's clock is none that it can read: its own system call.
    const other = guest((a) => {
      a.movImm64(rcx, TIME_PAGE + timePage.HOST_CLOCK);
      a.load(rax, at(rcx));
      a.movImm64(rdx, DATA);
      a.store(at(rdx), rax);
      a.movImm32(eax, EXIT);
      a.syscall();
      callFunction(a, 1);
    });
    nextTrap(other.first);
    const bytes = new Uint8Array(8);
    other.read(DATA, bytes);
    const [hostClock = 0n] = new BigUint64Array(bytes.buffer);
    const base = hostClock - BigInt(clockGettimeOffset() ?? 0);
    const code = new Uint8Array(0x2000);
    const length = other.read(userAddr(Number(base)), code);
    const call = Buffer.from(code.subarray(0, length)).indexOf(Buffer.from([0x0f, 0x05]));
    expect(call).toBeGreaterThan(0);
    writeQuad(other, FUNCTION, base + BigInt(call));
    expect(nextTrap(other.first).trap.kind).toBe('syscall');
    expect(numberOf(nextTrap(reader))).toBe(CLOCK_GETTIME);
    platform.setClockShift(0);
    nextTrap(reader);
    expect(numberOf(nextTrap(reader))).toBe(CLOCK_GETTIME);
  });

  test("cannot be changed: the time page is nobody's to write, nor to make writable", () => {
    const space = guest((a) => {
      a.movImm64(rdi, TIME_PAGE + timePage.HOST_CLOCK);
      a.storeImm64(at(rdi), 1);
    });
    const c = nextTrap(space.first);
    expect([c.trap.kind, c.trap.signo, c.trap.addr]).toEqual([
      'fault',
      SIGSEGV,
      TIME_PAGE + timePage.HOST_CLOCK,
    ]);
    space.protect(userAddr(TIME_PAGE), PAGE, 3);
    expect(space.flush()).toBe(-EACCES);
  });
});

describe("the processor's time stamp", () => {
  const rdtsc = [0x0f, 0x31];
  const rdtscp = [0x0f, 0x01, 0xf9];

  test.each([
    ['rdtsc', rdtsc],
    ['rdtscp', rdtscp],
  ])('%s shows what it is made up to be', (_name, instruction) => {
    platform.dispose();
    let now = 0x1234_5678_9abc_def0n;
    boot({ timestamp: () => now++ });
    const space = guest((a) => {
      a.movImm64(rax, -1);
      a.movImm64(rdx, -1);
      a.data(Uint8Array.from(instruction));
      a.data(Uint8Array.from(instruction));
      a.movImm64(rcx, DATA);
      a.store(at(rcx), rax);
      a.store(at(rcx, 8), rdx);
      a.movImm32(eax, EXIT);
      a.syscall();
    });
    expect(numberOf(nextTrap(space.first))).toBe(EXIT);
    const bytes = new Uint8Array(16);
    space.read(DATA, bytes);
    expect([...new BigUint64Array(bytes.buffer)]).toEqual([0x9abc_def1n, 0x1234_5678n]);
  });

  test('any other privileged instruction is a fault as ever', () => {
    platform.dispose();
    boot({ timestamp: () => 1n });
    const { trap } = nextTrap(guest((a) => a.data(Uint8Array.of(0xf4))).first); // hlt
    expect([trap.kind, trap.signo]).toEqual(['fault', SIGSEGV]);
  });
});

const hasReadelf = spawnSync('readelf', ['--version']).status === 0;
(hasReadelf ? test : test.skip)('the image is a library that binutils can read', () => {
  const file = join(tmpdir(), `troupe-vdso-${process.pid}.so`);
  writeFileSync(file, image.bytes);
  try {
    const { stdout, stderr } = spawnSync('readelf', ['-W', '-l', '-d', '-D', '-s', file], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(stdout).toContain('linux-vdso.so.1');
    for (const name of image.functions.keys()) expect(stdout).toContain(`__vdso_${name}`);
    expect(stdout).toMatch(/DYN \(Shared object file\)/);
  } finally {
    spawnSync('rm', [file]);
  }
});

test("the host's clock is where its own VDSO says", () => {
  const offset = clockGettimeOffset();
  if (readFileSync('/proc/self/maps', 'latin1').includes('[vdso]')) expect(offset).toBeGreaterThan(0);
  else expect(offset).toBeUndefined();
});
