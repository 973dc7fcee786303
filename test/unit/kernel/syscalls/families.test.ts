import { describe, expect, test } from '@jest/globals';
import { capUserData, capUserHeader, LINUX_CAPABILITY_VERSION_3 } from '../../../../src/abi/capability.js';
import { E } from '../../../../src/abi/errno.js';
import { NR } from '../../../../src/abi/numbers.js';
import { PR_CAPBSET_READ, PR_GET_NAME, PR_SET_NAME, PR_SET_NO_NEW_PRIVS } from '../../../../src/abi/prctl.js';
import { RLIMIT, rlimit64 } from '../../../../src/abi/resource.js';
import type { Struct } from '../../../../src/abi/struct.js';
import { CLOCK_MONOTONIC, CLOCK_REALTIME, TIMER_ABSTIME, timespec } from '../../../../src/abi/time.js';
import { utsname } from '../../../../src/abi/utsname.js';
import { userAddr } from '../../../../src/base/brand.js';
import { bytesOf, latin1 } from '../../../../src/base/bytes.js';
import { type Credentials, credentialsOf } from '../../../../src/kernel/auth/credentials.js';
import { declarations } from '../../../../src/kernel/syscalls/table.js';
import type { FakeContext } from '../../../../src/platform/fake/fake-context.js';
import { call, type GuestRun } from '../../../../src/platform/fake/guest-program.js';
import { DATA, FakeKernel } from '../../../support/fake-kernel.js';

const root = credentialsOf(0, 0);
const SECOND = 1e9;

/** Runs a guest that collects results; every system call of the table is there. */
function guest(
  program: (g: FakeContext, seen: number[]) => GuestRun,
  options: { creds?: Credentials } = {},
): { kernel: FakeKernel; seen: number[] } {
  const kernel = new FakeKernel();
  for (const d of declarations) kernel.declare(d);
  const seen: number[] = [];
  kernel.spawn(function* (g) {
    yield* program(g, seen);
    yield* call(NR.exit_group, 0);
  }, options);
  kernel.run();
  return { kernel, seen };
}

function put<T>(g: FakeContext, at: number, s: Struct<T>, value: T): number {
  g.addressSpace.write(userAddr(at), s.encode(value));
  return at;
}

function get<T>(g: FakeContext, at: number, s: Struct<T>): T {
  const bytes = new Uint8Array(s.size);
  g.addressSpace.read(userAddr(at), bytes);
  return s.decode(bytes);
}

describe('uname', () => {
  test('names the kernel; only a privileged guest renames the host', () => {
    let name = '';
    const program = function* (g: FakeContext, seen: number[]): GuestRun {
      g.addressSpace.write(userAddr(DATA), bytesOf('other'));
      seen.push(yield* call(NR.sethostname, DATA, 5));
      seen.push(yield* call(NR.sethostname, DATA, 65));
      seen.push(yield* call(NR.uname, DATA));
      name = latin1(get(g, DATA, utsname).nodename).replaceAll('\0', '');
    };
    expect(guest(program, { creds: root }).seen).toEqual([0, -E.EINVAL, 0]);
    expect(name).toBe('other');
    expect(guest(program).seen).toEqual([-E.EPERM, -E.EPERM, 0]);
    expect(name).toBe('fake');
  });
});

describe('clocks', () => {
  test('clock_gettime shows realtime and monotonic time; an unknown clock fails with EINVAL', () => {
    const times: number[] = [];
    const { kernel, seen } = guest(function* (g, results) {
      results.push(yield* call(NR.clock_gettime, CLOCK_REALTIME, DATA));
      times.push(get(g, DATA, timespec).sec);
      results.push(yield* call(NR.clock_gettime, CLOCK_MONOTONIC, DATA));
      times.push(get(g, DATA, timespec).sec);
      results.push(yield* call(NR.clock_gettime, 99, DATA));
      results.push(yield* call(NR.clock_gettime, CLOCK_MONOTONIC, 0));
    });
    expect(seen).toEqual([0, 0, -E.EINVAL, -E.EFAULT]);
    expect(times).toEqual([kernel.epochSec + 1, 1]);
  });

  test('nanosleep returns when its time has come, not before', () => {
    const { kernel, seen } = guest(function* (g, results) {
      put(g, DATA, timespec, { sec: 2, nsec: 0 });
      results.push(yield* call(NR.nanosleep, DATA, 0));
    });
    expect(seen).toEqual([]);
    kernel.advance(SECOND);
    expect(seen).toEqual([]);
    kernel.advance(SECOND);
    expect(seen).toEqual([0]);
  });

  test('clock_nanosleep with TIMER_ABSTIME sleeps until the clock shows the time', () => {
    const { kernel, seen } = guest(function* (g, results) {
      put(g, DATA, timespec, { sec: 1_700_000_003, nsec: 0 });
      results.push(yield* call(NR.clock_nanosleep, CLOCK_REALTIME, TIMER_ABSTIME, DATA, 0));
    });
    kernel.advance(2 * SECOND - 1);
    expect(seen).toEqual([]);
    kernel.advance(1);
    expect(seen).toEqual([0]);
  });

  test('nonsense times fail with EINVAL', () => {
    const { seen } = guest(function* (g, results) {
      put(g, DATA, timespec, { sec: 0, nsec: SECOND });
      results.push(yield* call(NR.nanosleep, DATA, 0));
      put(g, DATA, timespec, { sec: -1, nsec: 0 });
      results.push(yield* call(NR.nanosleep, DATA, 0));
    });
    expect(seen).toEqual([-E.EINVAL, -E.EINVAL]);
  });
});

describe('prctl', () => {
  test('a name is cut to 15 bytes', () => {
    let name = '';
    guest(function* (g) {
      g.addressSpace.write(userAddr(DATA), bytesOf('0123456789abcdefgh\0'));
      yield* call(NR.prctl, PR_SET_NAME, DATA);
      yield* call(NR.prctl, PR_GET_NAME, DATA + 64);
      const bytes = new Uint8Array(16);
      g.addressSpace.read(userAddr(DATA + 64), bytes);
      name = latin1(bytes);
    });
    expect(name).toBe('0123456789abcde\0');
  });

  test('PR_SET_NO_NEW_PRIVS takes exactly 1, 0, 0, 0; unknown operations fail with EINVAL', () => {
    const { seen } = guest(function* (_g, results) {
      results.push(yield* call(NR.prctl, PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
      results.push(yield* call(NR.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
      results.push(yield* call(NR.prctl, PR_CAPBSET_READ, 0));
      results.push(yield* call(NR.prctl, PR_CAPBSET_READ, 64));
      results.push(yield* call(NR.prctl, 12_345));
    });
    expect(seen).toEqual([-E.EINVAL, 0, 1, -E.EINVAL, -E.EINVAL]);
  });
});

describe('capabilities', () => {
  test('an unknown version is answered with the one to use', () => {
    let version = 0;
    const { seen } = guest(function* (g, results) {
      put(g, DATA, capUserHeader, { version: 0, pid: 0 });
      results.push(yield* call(NR.capget, DATA, 0));
      ({ version } = get(g, DATA, capUserHeader));
      put(g, DATA, capUserHeader, { version: 0, pid: 0 });
      results.push(yield* call(NR.capget, DATA, DATA + 64));
    });
    expect(seen).toEqual([0, -E.EINVAL]);
    expect(version).toBe(LINUX_CAPABILITY_VERSION_3);
  });

  test('root has all 41, may drop them, and cannot take them back', () => {
    let low = 0;
    const { seen } = guest(
      function* (g, results) {
        put(g, DATA, capUserHeader, { version: LINUX_CAPABILITY_VERSION_3, pid: 0 });
        results.push(yield* call(NR.capget, DATA, DATA + 64));
        low = get(g, DATA + 64, capUserData).permitted;
        g.addressSpace.write(userAddr(DATA + 128), new Uint8Array(24));
        results.push(yield* call(NR.capset, DATA, DATA + 128));
        results.push(yield* call(NR.capset, DATA, DATA + 64));
      },
      { creds: root },
    );
    expect(seen).toEqual([0, 0, -E.EPERM]);
    expect(low).toBe(0xffff_ffff);
  });
});

describe('limits and numbers', () => {
  test('prlimit64 tells the old limit and sets the new one', () => {
    let old: { cur: bigint; max: bigint } | undefined;
    const { seen } = guest(function* (g, results) {
      put(g, DATA, rlimit64, { cur: 10n, max: 20n });
      results.push(yield* call(NR.prlimit64, 0, RLIMIT.NOFILE, DATA, DATA + 64));
      old = get(g, DATA + 64, rlimit64);
      results.push(yield* call(NR.prlimit64, 0, RLIMIT.NOFILE, DATA + 64, 0));
      results.push(yield* call(NR.prlimit64, 0, 16, 0, 0));
      results.push(yield* call(NR.prlimit64, 9999, RLIMIT.NOFILE, 0, 0));
    });
    expect(seen).toEqual([0, -E.EPERM, -E.EINVAL, -E.ESRCH]);
    expect(old?.cur).toBe(1024n);
  });

  test('sched_getaffinity answers the bytes written; a mask that is too short fails with EINVAL', () => {
    let mask = 0;
    const { seen } = guest(function* (g, results) {
      results.push(yield* call(NR.sched_getaffinity, 0, 128, DATA));
      const bytes = new Uint8Array(8);
      g.addressSpace.read(userAddr(DATA), bytes);
      mask = bytes[0] ?? 0;
      results.push(yield* call(NR.sched_getaffinity, 0, 7, DATA));
      results.push(yield* call(NR.sched_setaffinity, 0, 8, DATA + 512));
    });
    expect(seen).toEqual([8, -E.EINVAL, -E.EINVAL]);
    expect(mask).toBe(0b11);
  });

  test('getpriority answers 20 - nice; a user may become nicer, not less nice', () => {
    const { seen } = guest(function* (_g, results) {
      results.push(yield* call(NR.setpriority, 0, 0, 5));
      results.push(yield* call(NR.getpriority, 0, 0));
      results.push(yield* call(NR.setpriority, 0, 0, 0));
    });
    expect(seen).toEqual([0, 15, -E.EACCES]);
  });

  test('setgroups needs CAP_SETGID; groups come back sorted', () => {
    const groups: number[] = [];
    const { seen } = guest(
      function* (g, results) {
        g.addressSpace.write(userAddr(DATA), new Uint8Array(Uint32Array.of(7, 3).buffer));
        results.push(yield* call(NR.setgroups, 2, DATA));
        results.push(yield* call(NR.getgroups, 0, 0));
        results.push(yield* call(NR.getgroups, 1, DATA));
        results.push(yield* call(NR.getgroups, 8, DATA));
        const bytes = new Uint8Array(8);
        g.addressSpace.read(userAddr(DATA), bytes);
        groups.push(...new Uint32Array(bytes.buffer));
        results.push(yield* call(NR.setuid, 1000));
        results.push(yield* call(NR.setgroups, 0, 0));
      },
      { creds: root },
    );
    expect(seen).toEqual([0, 2, -E.EINVAL, 2, 0, -E.EPERM]);
    expect(groups).toEqual([3, 7]);
  });

  test('getrandom refuses contradictory flags and bad addresses', () => {
    const { seen } = guest(function* (_g, results) {
      results.push(yield* call(NR.getrandom, DATA, 16, 0));
      results.push(yield* call(NR.getrandom, DATA, 16, 6));
      results.push(yield* call(NR.getrandom, 0, 16, 0));
      results.push(yield* call(NR.getrandom, 0, 0, 0));
    });
    expect(seen).toEqual([16, -E.EINVAL, -E.EFAULT, 0]);
  });

  test('set_robust_list wants the size of its struct; rseq is not there', () => {
    const { seen } = guest(function* (_g, results) {
      results.push(yield* call(NR.set_robust_list, DATA, 23));
      results.push(yield* call(NR.set_robust_list, DATA + 512, 24));
      results.push(yield* call(NR.rseq, DATA, 32, 0, 0));
      results.push(yield* call(NR.set_robust_list, 0, 24));
    });
    expect(seen).toEqual([-E.EINVAL, 0, -E.ENOSYS, 0]);
  });
});
