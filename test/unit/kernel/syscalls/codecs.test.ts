import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { E } from '../../../../src/abi/errno.js';
import { O_CLOEXEC, O_CREAT, O_RDWR } from '../../../../src/abi/open.js';
import { timespec } from '../../../../src/abi/time.js';
import { SyscallError } from '../../../../src/kernel/outcome.js';
import * as codecs from '../../../../src/kernel/syscalls/codecs.js';
import type { Codec } from '../../../../src/kernel/syscalls/declare.js';
import { bitNames, quote } from '../../../../src/kernel/syscalls/show.js';
import { FakeCall, MEMORY_END, MEMORY_START } from '../../support/fake-call.js';

/** What `codec` makes of a register; `prepare` fills memory first. */
function decode<T>(codec: Codec<T>, register: number | bigint, prepare?: (call: FakeCall) => void): T {
  const call = new FakeCall(0, [register]);
  prepare?.(call);
  return codec.decode(call.task, call.task.context.argLo(0), call.task.context.argHi(0));
}

function errnoOf(what: () => unknown): number {
  try {
    what();
  } catch (e) {
    if (e instanceof SyscallError) return e.errno;
    throw e;
  }
  return 0;
}

describe('numbers', () => {
  test('int and fd take the low 32 bits, with their sign', () => {
    expect(decode(codecs.int, 0xffff_ffff)).toBe(-1);
    expect(decode(codecs.int, -1)).toBe(-1);
    expect(decode(codecs.fd, 0x1_0000_0003)).toBe(3);
  });

  test('uint has no sign', () => {
    expect(decode(codecs.uint, -1)).toBe(0xffff_ffff);
  });

  test('offset is signed, size is not; both are exact to 53 bits', () => {
    fc.assert(
      fc.property(fc.integer({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }), (n) => {
        expect(decode(codecs.offset, n)).toBe(n);
        if (n >= 0) expect(decode(codecs.size, n)).toBe(n);
        if (n >= 0) expect(decode(codecs.addr, n)).toBe(n);
      }),
    );
  });

  test('permission bits are 16 bits', () => {
    expect(decode(codecs.octalMode, 0x10_0000 + 0o644)).toBe(0o644);
  });
});

describe('paths', () => {
  test('a path is its bytes up to the NUL', () => {
    expect(decode(codecs.path, MEMORY_START, (c) => c.put(MEMORY_START, '/tmp/\xff'))).toBe('/tmp/\xff');
  });

  test('a path that crosses a page is read whole', () => {
    const at = MEMORY_START + 4090;
    const text = 'x'.repeat(500);
    expect(decode(codecs.path, at, (c) => c.put(at, text))).toBe(text);
  });

  test('a path of 4095 bytes is the longest; 4096 fail with ENAMETOOLONG', () => {
    const longest = 'x'.repeat(4095);
    expect(decode(codecs.path, MEMORY_START, (c) => c.put(MEMORY_START, longest))).toBe(longest);
    const tooLong = (): unknown =>
      decode(codecs.path, MEMORY_START, (c) => c.put(MEMORY_START, `${longest}x`));
    expect(errnoOf(tooLong)).toBe(E.ENAMETOOLONG);
  });

  test('NULL, a bad address, and memory that ends before the NUL fail with EFAULT', () => {
    expect(errnoOf(() => decode(codecs.path, 0))).toBe(E.EFAULT);
    expect(errnoOf(() => decode(codecs.path, -1))).toBe(E.EFAULT);
    const at = MEMORY_END - 3;
    const unended = (c: FakeCall): unknown => c.put(at, Uint8Array.of(97, 97, 97));
    expect(errnoOf(() => decode(codecs.path, at, unended))).toBe(E.EFAULT);
  });

  test('pathOrNull lets NULL through', () => {
    expect(decode(codecs.pathOrNull, 0)).toBeUndefined();
  });
});

describe('structs', () => {
  test('structIn reads the struct, and fails with EFAULT where there is no memory', () => {
    const value = { sec: 3, nsec: 4 };
    const put = (c: FakeCall): unknown => c.put(MEMORY_START, timespec.encode(value));
    expect(decode(codecs.structIn(timespec), MEMORY_START, put)).toEqual(value);
    expect(errnoOf(() => decode(codecs.structIn(timespec), MEMORY_END - 8))).toBe(E.EFAULT);
  });

  test('structInOrNull lets NULL through', () => {
    expect(decode(codecs.structInOrNull(timespec), 0)).toBeUndefined();
  });

  test('structOut and structAt do not touch memory', () => {
    expect(decode(codecs.structOut(timespec), -4096)).toBeGreaterThan(0);
    expect(decode(codecs.structAt(timespec), 1)).toBe(1);
  });
});

describe('showing', () => {
  test('strings are escaped as strace does', () => {
    expect(quote('a\n"\\\x01')).toBe('"a\\n\\"\\\\\\1"');
    expect(quote('\x017')).toBe('"\\0017"');
    expect(quote('abcdef', 3)).toBe('"abc"...');
    expect(quote('abc', 3)).toBe('"abc"');
  });

  test('bits without a name are shown in hex', () => {
    expect(bitNames({ A: 1, B: 2 }, 0x13)).toBe('A|B|0x10');
    expect(bitNames({ A: 1 }, 0)).toBe('0');
    expect(bitNames({ TOP: 0x8000_0000 }, 0x8000_0000 | 0)).toBe('TOP');
  });

  test('open flags begin with the access mode', () => {
    const show = (flags: number): string => codecs.oflags.show(flags, {} as never);
    expect(show(0)).toBe('O_RDONLY');
    expect(show(O_RDWR | O_CREAT | O_CLOEXEC)).toBe('O_RDWR|O_CREAT|O_CLOEXEC');
  });

  test('a mode is octal', () => {
    expect(codecs.octalMode.show(0o644, {} as never)).toBe('0644');
    expect(codecs.octalMode.show(0, {} as never)).toBe('000');
  });
});
