import { describe, expect, test } from '@jest/globals';
import { E } from '../../../../src/abi/errno.js';
import {
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_MERGEABLE,
  MADV_WIPEONFORK,
  MAP_32BIT,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  MS_ASYNC,
  MS_SYNC,
} from '../../../../src/abi/mman.js';
import { MS_NOEXEC } from '../../../../src/abi/mount.js';
import { O_RDONLY, O_RDWR, O_WRONLY } from '../../../../src/abi/open.js';
import { RLIMIT } from '../../../../src/abi/resource.js';
import { type UserAddr, userAddr } from '../../../../src/base/brand.js';
import { VM } from '../../../../src/kernel/mm/vma.js';
import { fail, must } from '../../../../src/kernel/outcome.js';
import { FakeFile, limitsOf, MAX_ADDRESS, MIN_ADDRESS, newMemory, root, user } from '../../support/memory.js';

const PAGE = 4096;
const RW = 3;
const PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS;
const FREE = 0x2000_0000;

type Memory = ReturnType<typeof newMemory>;

function map({ mm }: Memory, length: number, addr = 0, flags = 0, prot = RW): UserAddr {
  return must(mm.mmap({ addr, length, prot, flags: PRIVATE | flags }, user));
}
function ranges({ mm }: Memory): [number, number, number][] {
  return [...mm.vmas].map((v) => [v.start, v.end, v.prot]);
}

describe('mmap', () => {
  test('places mappings downwards from the base, and they merge', () => {
    const m = newMemory();
    const first = map(m, PAGE);
    expect(first).toBe(m.mm.layout.mmapBase - PAGE);
    expect(map(m, 2 * PAGE)).toBe(first - 2 * PAGE);
    expect(m.mm.vmas.size).toBe(1);
  });

  test('takes a hint that is free, and goes elsewhere from one that is not', () => {
    const m = newMemory();
    expect(map(m, PAGE, FREE + 5)).toBe(FREE);
    expect(map(m, PAGE, FREE)).not.toBe(FREE);
    expect(map(m, PAGE, 1)).toBe(MIN_ADDRESS);
  });

  test('MAP_32BIT gives the second gigabyte', () => {
    expect(map(newMemory(), PAGE, 0, MAP_32BIT)).toBe(0x4000_0000);
  });

  test('MAP_FIXED replaces, MAP_FIXED_NOREPLACE fails with EEXIST', () => {
    const m = newMemory();
    map(m, 3 * PAGE, FREE, MAP_FIXED);
    map(m, PAGE, FREE + PAGE, MAP_FIXED, 1);
    expect(ranges(m)).toEqual([
      [FREE, FREE + PAGE, RW],
      [FREE + PAGE, FREE + 2 * PAGE, 1],
      [FREE + 2 * PAGE, FREE + 3 * PAGE, RW],
    ]);
    const again = { addr: FREE, length: PAGE, prot: RW, flags: PRIVATE | MAP_FIXED_NOREPLACE };
    expect(m.mm.mmap(again, user)).toBe(fail(E.EEXIST));
  });

  test.each([
    ['a length of zero', { length: 0 }, E.EINVAL],
    ['neither shared nor private', { flags: MAP_ANONYMOUS }, E.EINVAL],
    ['a fixed address off a page', { addr: FREE + 1, flags: PRIVATE | MAP_FIXED }, E.EINVAL],
    ['a fixed address below mmap_min_addr', { addr: PAGE, flags: PRIVATE | MAP_FIXED }, E.EPERM],
    ['a fixed address beyond the end', { addr: MAX_ADDRESS, flags: PRIVATE | MAP_FIXED }, E.ENOMEM],
    ['more than there are addresses', { length: 2 ** 50 }, E.ENOMEM],
  ])('%s fails', (_name, change, errno) => {
    const { mm } = newMemory();
    const request = { addr: 0, length: PAGE, prot: RW, flags: PRIVATE, ...change };
    expect(mm.mmap(request, root)).toBe(fail(errno));
    expect(mm.vmas.size).toBe(0);
  });

  test('fresh memory needs no round trip', () => {
    const m = newMemory();
    m.space.failNextFlush = -E.ENOMEM;
    map(m, PAGE);
    expect(m.space.failNextFlush).toBe(-E.ENOMEM);
  });

  test('RLIMIT_AS, RLIMIT_DATA and the memory of the machine bound it with ENOMEM', () => {
    const { mm } = newMemory({ memoryBytes: 64 * PAGE });
    const request = { addr: 0, length: 4 * PAGE, prot: RW, flags: PRIVATE };
    const limited = (resource: number) => ({ ...user, limits: limitsOf({ [resource]: 3 * PAGE }) });
    expect(mm.mmap(request, limited(RLIMIT.AS))).toBe(fail(E.ENOMEM));
    expect(mm.mmap(request, limited(RLIMIT.DATA))).toBe(fail(E.ENOMEM));
    expect(mm.mmap({ ...request, prot: 1 }, limited(RLIMIT.DATA))).not.toBe(fail(E.ENOMEM));
    expect(mm.mmap({ ...request, length: 65 * PAGE }, user)).toBe(fail(E.ENOMEM));
    expect(mm.mmap({ ...request, length: 65 * PAGE, flags: PRIVATE | MAP_NORESERVE }, user)).toBeGreaterThan(
      0,
    );
    expect(mm.mmap({ ...request, length: 65 * PAGE, prot: 0 }, user)).toBeGreaterThan(0);
  });

  describe('of files', () => {
    const request = { addr: 0, length: PAGE, prot: RW, offset: 0 };

    test('needs a readable file, and a writable one for shared writing (EACCES)', () => {
      const { mm } = newMemory();
      const with_ = (flags: number, file: FakeFile, prot = RW) =>
        mm.mmap({ ...request, flags, file, prot }, user);
      expect(with_(MAP_SHARED, new FakeFile(O_RDONLY))).toBe(fail(E.EACCES));
      expect(with_(MAP_SHARED, new FakeFile(O_WRONLY))).toBe(fail(E.EACCES));
      expect(with_(MAP_PRIVATE, new FakeFile(O_WRONLY), 1)).toBe(fail(E.EACCES));
      expect(with_(MAP_PRIVATE, new FakeFile(O_RDONLY))).toBeGreaterThan(0);
      expect(with_(MAP_SHARED, new FakeFile(O_RDWR))).toBeGreaterThan(0);
    });

    test('PROT_EXEC on a noexec mount fails with EPERM, and mprotect later with EACCES', () => {
      const { mm } = newMemory();
      const file = new FakeFile(O_RDONLY, 7, MS_NOEXEC);
      expect(mm.mmap({ ...request, prot: 5, flags: MAP_PRIVATE, file }, user)).toBe(fail(E.EPERM));
      const addr = must(mm.mmap({ ...request, prot: 1, flags: MAP_PRIVATE, file }, user));
      expect(mm.mprotect(addr, PAGE, 5, user)).toBe(fail(E.EACCES));
    });

    test('a read-only shared mapping cannot be made writable', () => {
      const { mm } = newMemory();
      const file = new FakeFile(O_RDONLY);
      const addr = must(mm.mmap({ ...request, prot: 1, flags: MAP_SHARED, file }, user));
      expect(mm.mprotect(addr, PAGE, RW, user)).toBe(fail(E.EACCES));
    });

    test('holds the file until the last part is unmapped', () => {
      const { mm } = newMemory();
      const file = new FakeFile(O_RDONLY);
      const addr = must(mm.mmap({ ...request, length: 3 * PAGE, flags: MAP_PRIVATE, file }, user));
      file.release();
      mm.munmap(addr + PAGE, addr + 2 * PAGE);
      mm.munmap(addr, addr + PAGE);
      expect(file.closed).toBe(0);
      mm.munmap(addr + 2 * PAGE, addr + 3 * PAGE);
      expect(file.closed).toBe(1);
    });

    test('what the host refuses is the errno of the call, and leaves nothing', () => {
      const m = newMemory();
      const file = new FakeFile(O_RDONLY);
      m.space.failNextFlush = -E.EPERM;
      expect(m.mm.mmap({ ...request, prot: 5, flags: MAP_PRIVATE, file }, user)).toBe(fail(E.EPERM));
      expect(m.mm.vmas.size).toBe(0);
      file.release();
      expect(file.closed).toBe(1);
    });
  });

  test('shared anonymous memory has an identity that fork keeps', () => {
    const { mm, space } = newMemory();
    const addr = must(mm.mmap({ addr: 0, length: PAGE, prot: RW, flags: MAP_SHARED | MAP_ANONYMOUS }, user));
    const child = mm.fork(space.fork());
    const at = mm.sharedAt(addr + 8);
    expect(at?.offset).toBe(8);
    expect(child.sharedAt(addr + 8)).toEqual(at);
  });
});

describe('munmap, release', () => {
  test('the last release frees the address space and its files', () => {
    const { mm, space } = newMemory();
    const file = new FakeFile(O_RDONLY);
    must(mm.mmap({ addr: 0, length: PAGE, prot: 1, flags: MAP_PRIVATE, file }, user));
    file.release();
    mm.retain();
    mm.release();
    expect(space.released).toBe(false);
    mm.release();
    expect([space.released, file.closed, mm.usage.total]).toEqual([true, 1, 0]);
  });
});

describe('mprotect', () => {
  test('changes what comes before a hole, then fails with ENOMEM', () => {
    const m = newMemory();
    map(m, PAGE, FREE, MAP_FIXED);
    map(m, PAGE, FREE + 2 * PAGE, MAP_FIXED);
    expect(m.mm.mprotect(FREE, 3 * PAGE, 1, user)).toBe(fail(E.ENOMEM));
    expect(ranges(m)).toEqual([
      [FREE, FREE + PAGE, 1],
      [FREE + 2 * PAGE, FREE + 3 * PAGE, RW],
    ]);
  });

  test('splits and merges again', () => {
    const m = newMemory();
    map(m, 3 * PAGE, FREE, MAP_FIXED);
    expect(m.mm.mprotect(FREE + PAGE, PAGE, 0, user)).toBeUndefined();
    expect(m.mm.vmas.size).toBe(3);
    expect(m.mm.mprotect(FREE + PAGE, PAGE, RW, user)).toBeUndefined();
    expect(ranges(m)).toEqual([[FREE, FREE + 3 * PAGE, RW]]);
    expect(m.mm.mprotect(FREE + 1, PAGE, RW, user)).toBe(fail(E.EINVAL));
    expect(m.mm.mprotect(FREE, PAGE, 64, user)).toBe(fail(E.EINVAL));
    expect(m.mm.mprotect(FREE, 0, RW, user)).toBeUndefined();
  });

  test('counts what becomes writable', () => {
    const m = newMemory({ memoryBytes: 4 * PAGE });
    map(m, 8 * PAGE, FREE, MAP_FIXED, 0);
    expect(m.mm.mprotect(FREE, 3 * PAGE, RW, user)).toBeUndefined();
    expect(m.mm.mprotect(FREE + 3 * PAGE, 2 * PAGE, RW, user)).toBe(fail(E.ENOMEM));
    expect(m.mm.usage.committed).toBe(3);
  });
});

describe('mremap', () => {
  const move = { oldLength: PAGE, newLength: PAGE, flags: 0, newAddr: 0 };

  test('shrinks in place, grows in place, moves when it must', () => {
    const m = newMemory();
    map(m, 3 * PAGE, FREE, MAP_FIXED);
    const at = (change: object) => m.mm.mremap({ ...move, addr: FREE, ...change }, user);
    expect(at({ oldLength: 3 * PAGE })).toBe(FREE);
    expect(ranges(m)).toEqual([[FREE, FREE + PAGE, RW]]);
    expect(at({ newLength: 2 * PAGE })).toBe(FREE);
    map(m, PAGE, FREE + 2 * PAGE, MAP_FIXED, 1);
    m.mm.memory.writeU32(userAddr(FREE), 42);
    expect(at({ oldLength: 2 * PAGE, newLength: 4 * PAGE })).toBe(fail(E.ENOMEM));
    const to = must(at({ oldLength: 2 * PAGE, newLength: 4 * PAGE, flags: MREMAP_MAYMOVE }));
    expect(m.mm.memory.readU32(to)).toBe(42);
    expect(m.mm.vmas.find(FREE)).toBeUndefined();
    expect(m.mm.usage.total).toBe(5);
  });

  test('MREMAP_FIXED replaces the target, MREMAP_DONTUNMAP leaves fresh pages behind', () => {
    const m = newMemory();
    map(m, PAGE, FREE, MAP_FIXED);
    map(m, PAGE, FREE + 8 * PAGE, MAP_FIXED, 1);
    m.mm.memory.writeU32(userAddr(FREE), 42);
    const flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
    const to = m.mm.mremap({ ...move, addr: FREE, flags, newAddr: FREE + 8 * PAGE }, user);
    expect(to).toBe(FREE + 8 * PAGE);
    expect(m.mm.memory.readU32(userAddr(FREE + 8 * PAGE))).toBe(42);
    expect(m.mm.memory.readU32(userAddr(FREE))).toBe(0);
    expect(m.mm.usage.total).toBe(2);
  });

  test.each([
    ['nothing mapped', { addr: FREE + 64 * PAGE }, E.EFAULT],
    ['an old size beyond the mapping', { oldLength: 3 * PAGE, newLength: 4 * PAGE }, E.EFAULT],
    ['an unaligned address', { addr: FREE + 1 }, E.EINVAL],
    ['a new size of zero', { newLength: 0 }, E.EINVAL],
    ['FIXED without MAYMOVE', { flags: MREMAP_FIXED }, E.EINVAL],
    ['an overlapping target', { flags: MREMAP_FIXED | MREMAP_MAYMOVE, newAddr: FREE }, E.EINVAL],
    [
      'an old size of zero of private memory',
      { oldLength: 0, newLength: PAGE, flags: MREMAP_MAYMOVE },
      E.EINVAL,
    ],
  ])('%s fails', (_name, change, errno) => {
    const m = newMemory();
    map(m, 2 * PAGE, FREE, MAP_FIXED);
    expect(m.mm.mremap({ ...move, addr: FREE, ...change }, user)).toBe(fail(errno));
  });

  test('what the host refuses changes nothing', () => {
    const m = newMemory();
    map(m, PAGE, FREE, MAP_FIXED);
    m.space.failNextFlush = -E.ENOMEM;
    expect(m.mm.mremap({ ...move, addr: FREE, newLength: 2 * PAGE }, user)).toBe(fail(E.ENOMEM));
    expect(ranges(m)).toEqual([[FREE, FREE + PAGE, RW]]);
  });
});

describe('madvise, msync, mincore', () => {
  test('DONTNEED goes to the host; holes end with ENOMEM after all else was done', () => {
    const m = newMemory();
    map(m, PAGE, FREE, MAP_FIXED);
    map(m, PAGE, FREE + 2 * PAGE, MAP_FIXED);
    m.mm.memory.writeU32(userAddr(FREE + 2 * PAGE), 42);
    expect(m.mm.madvise(FREE, 3 * PAGE, MADV_DONTNEED, user)).toBe(fail(E.ENOMEM));
    expect(m.mm.memory.readU32(userAddr(FREE + 2 * PAGE))).toBe(0);
    expect(m.mm.madvise(FREE, PAGE, MADV_MERGEABLE, user)).toBe(fail(E.EINVAL));
    expect(m.mm.madvise(FREE + 1, PAGE, MADV_DONTNEED, user)).toBe(fail(E.EINVAL));
    expect(m.mm.madvise(FREE, 0, MADV_DONTNEED, user)).toBeUndefined();
  });

  test('FREE of a file mapping fails with EINVAL', () => {
    const { mm } = newMemory();
    const file = new FakeFile(O_RDONLY);
    const addr = must(mm.mmap({ addr: 0, length: PAGE, prot: 1, flags: MAP_PRIVATE, file }, user));
    expect(mm.madvise(addr, PAGE, MADV_FREE, user)).toBe(fail(E.EINVAL));
  });

  test('fork leaves out DONTFORK and wipes WIPEONFORK', () => {
    const m = newMemory();
    map(m, 3 * PAGE, FREE, MAP_FIXED);
    for (let i = 0; i < 3; i++) m.mm.memory.writeU32(userAddr(FREE + i * PAGE), 42);
    m.mm.madvise(FREE, PAGE, MADV_DONTFORK, user);
    m.mm.madvise(FREE + PAGE, PAGE, MADV_WIPEONFORK, user);
    const child = m.mm.fork(m.space.fork());
    expect(child.vmas.find(FREE)).toBeUndefined();
    expect(child.memory.tryRead(userAddr(FREE), new Uint8Array(4))).toBe(0);
    expect(child.memory.readU32(userAddr(FREE + PAGE))).toBe(0);
    expect(child.memory.readU32(userAddr(FREE + 2 * PAGE))).toBe(42);
    expect(child.usage.total).toBe(2);
  });

  test('msync checks its flags and finds holes; mincore needs all mapped', () => {
    const m = newMemory();
    map(m, PAGE, FREE, MAP_FIXED);
    expect(m.mm.msync(FREE, PAGE, MS_ASYNC | MS_SYNC)).toBe(fail(E.EINVAL));
    expect(m.mm.msync(FREE, 2 * PAGE, MS_ASYNC)).toBe(fail(E.ENOMEM));
    expect(m.mm.msync(FREE, PAGE, MS_SYNC)).toBeUndefined();
    const residency = new Uint8Array(1);
    m.space.flush();
    expect(m.mm.mincore(FREE, residency)).toBeUndefined();
    expect(residency[0]).toBe(1);
    expect(m.mm.mincore(FREE, new Uint8Array(2))).toBe(fail(E.ENOMEM));
  });
});

describe('brk', () => {
  test('grows, shrinks, and stays where it is when it cannot', () => {
    const { mm } = newMemory();
    mm.brkStart = mm.brkEnd = FREE;
    expect(mm.brk(0, user)).toBe(FREE);
    expect(mm.brk(FREE + 10, user)).toBe(FREE + 10);
    expect([...mm.vmas].map((v) => [v.start, v.end, v.name])).toEqual([[FREE, FREE + PAGE, '[heap]']]);
    expect(mm.brk(FREE + 3 * PAGE, user)).toBe(FREE + 3 * PAGE);
    expect(mm.vmas.size).toBe(1);
    must(mm.mmap({ addr: FREE + 8 * PAGE, length: PAGE, prot: RW, flags: PRIVATE | MAP_FIXED }, user));
    expect(mm.brk(FREE + 8 * PAGE, user)).toBe(FREE + 3 * PAGE);
    expect(mm.brk(FREE + PAGE, user)).toBe(FREE + PAGE);
    const poor = { ...user, limits: limitsOf({ [RLIMIT.DATA]: 2 * PAGE }) };
    expect(mm.brk(FREE + 3 * PAGE, poor)).toBe(FREE + PAGE);
  });
});

describe('mlock', () => {
  test('counts against RLIMIT_MEMLOCK unless capable', () => {
    const m = newMemory();
    map(m, 4 * PAGE, FREE, MAP_FIXED);
    const poor = { ...user, limits: limitsOf({ [RLIMIT.MEMLOCK]: 2 * PAGE }) };
    expect(m.mm.mlock(FREE, 3 * PAGE, 0, poor)).toBe(fail(E.ENOMEM));
    expect(m.mm.mlock(FREE + 5, PAGE, 0, poor)).toBeUndefined();
    expect(m.mm.usage.locked).toBe(2);
    expect(m.mm.madvise(FREE, PAGE, MADV_DONTNEED, poor)).toBe(fail(E.EINVAL));
    expect(m.mm.mlock(FREE, 3 * PAGE, 0, { ...poor, creds: root.creds })).toBeUndefined();
    expect(m.mm.munlock(FREE, 4 * PAGE)).toBeUndefined();
    expect(m.mm.usage.locked).toBe(0);
  });
});

describe('growing stacks', () => {
  test('a fault below grows the stack within its limit', () => {
    const m = newMemory();
    map(m, PAGE, FREE, MAP_FIXED | MAP_GROWSDOWN);
    const limited = { ...user, limits: limitsOf({ [RLIMIT.STACK]: 64 * PAGE }) };
    expect(m.mm.growStack(FREE - 10 * PAGE, limited)).toBe(true);
    expect(m.mm.vmas.find(FREE - 10 * PAGE)?.flags).toBe(m.mm.vmas.find(FREE)?.flags);
    expect(m.mm.growStack(FREE - 64 * PAGE, limited)).toBe(false);
    expect(m.mm.vmas.find(FREE)?.flags).toBeDefined();
    expect((m.mm.vmas.find(FREE)?.flags ?? 0) & VM.GROWSDOWN).toBe(VM.GROWSDOWN);
  });
});
