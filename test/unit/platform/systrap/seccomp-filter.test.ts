/** The filter, interpreted: what a guest may do where. */
import { describe, expect, test } from '@jest/globals';
import { STUB_BASE, STUB_CODE_SIZE, STUB_DOORBELL } from '../../../../src/platform/systrap/layout.js';
import {
  CLONE_PROCESS_FLAGS,
  CLONE_SIBLING_FLAGS,
  CLONE_THREAD_FLAGS,
  stubFilter,
} from '../../../../src/platform/systrap/seccomp-filter.js';

const X86_64 = 0xc000_003e;
const I386 = 0x4000_0003;
const VERDICTS = new Map([
  [0x7fff_0000, 'allow'],
  [0x0003_0000, 'trap'],
  [0x8000_0000, 'kill'],
]);

interface Call {
  readonly nr: number;
  readonly ip: number;
  readonly args?: readonly number[];
  readonly arch?: number;
  readonly lane?: boolean;
}

/** Runs the classic BPF program on a struct seccomp_data. */
function verdict({ nr, ip, args = [], arch = X86_64, lane = false }: Call): string | undefined {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, arch, true);
  data.setBigUint64(8, BigInt(ip), true);
  for (const [i, a] of args.entries()) data.setBigUint64(16 + 8 * i, BigInt(a), true);
  const filter = stubFilter({ lane });
  const program = new DataView(filter.buffer);
  let accumulator = 0;
  for (let pc = 0; pc * 8 < filter.length; pc++) {
    const k = program.getUint32(pc * 8 + 4, true);
    const [jt, jf] = [program.getUint8(pc * 8 + 2), program.getUint8(pc * 8 + 3)];
    switch (program.getUint16(pc * 8, true)) {
      case 0x20:
        accumulator = data.getUint32(k, true);
        break;
      case 0x15:
        pc += accumulator === k ? jt : jf;
        break;
      case 0x35:
        pc += accumulator >= k ? jt : jf;
        break;
      case 0x06:
        return VERDICTS.get(k);
    }
  }
  return 'ran off the end';
}

const GUEST = 0x40_1000;
const STUB = STUB_BASE + 0x200;

describe('outside the stub', () => {
  test('every call traps, whatever its number', () => {
    for (const nr of [0, 1, 9, 56, 59, 202, 231, 500, 0x4000_0000])
      expect(verdict({ nr, ip: GUEST })).toBe('trap');
  });

  test('just below and just behind the stub too', () => {
    expect(verdict({ nr: 9, ip: STUB_BASE - 1 })).toBe('trap');
    expect(verdict({ nr: 9, ip: STUB_BASE + STUB_CODE_SIZE })).toBe('trap');
    expect(verdict({ nr: 9, ip: STUB_BASE % 0x1_0000_0000 })).toBe('trap');
  });
});

describe('inside the stub', () => {
  test('a call of another ABI traps', () => {
    expect(verdict({ nr: 1, ip: STUB, arch: I386, args: [1] })).toBe('trap');
  });

  test('the doorbell of a lane may be rung where there is one', () => {
    expect(verdict({ nr: 1, ip: STUB, args: [4] })).toBe('kill');
    expect(verdict({ nr: 1, ip: STUB, args: [4], lane: true })).toBe('allow');
  });

  test('memory calls are allowed', () => {
    for (const nr of [9, 10, 11, 25, 28, 202, 15]) expect(verdict({ nr, ip: STUB })).toBe('allow');
  });

  test('write goes to the doorbell and the socket only', () => {
    expect(verdict({ nr: 1, ip: STUB, args: [STUB_DOORBELL] })).toBe('allow');
    expect(verdict({ nr: 1, ip: STUB, args: [2] })).toBe('kill');
  });

  test('clone makes what stubs make, and nothing else', () => {
    for (const flags of [CLONE_THREAD_FLAGS, CLONE_PROCESS_FLAGS, CLONE_SIBLING_FLAGS]) {
      expect(verdict({ nr: 56, ip: STUB, args: [flags] })).toBe('allow');
    }
    const CLONE_NEWUSER = 0x1000_0000;
    expect(verdict({ nr: 56, ip: STUB, args: [CLONE_NEWUSER | CLONE_PROCESS_FLAGS] })).toBe('kill');
    expect(verdict({ nr: 56, ip: STUB, args: [0] })).toBe('kill');
  });

  test('what reaches files, the network, other processes or privileges kills', () => {
    const names = {
      open: 2,
      socket: 41,
      connect: 42,
      kill: 62,
      tgkill: 234,
      ptrace: 101,
      execve: 59,
      openat: 257,
      mount: 165,
      setuid: 105,
      io_uring_setup: 425,
      process_vm_writev: 311,
      fork: 57,
      clone3: 435,
    };
    for (const [name, nr] of Object.entries(names)) {
      expect([name, verdict({ nr, ip: STUB })]).toEqual([name, 'kill']);
    }
  });
});
