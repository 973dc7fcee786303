/** Sizes and offsets of every struct, as the C compiler of this machine sees them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { capUserData, capUserHeader } from '../../../src/abi/capability.js';
import { cloneArgs } from '../../../src/abi/clone.js';
import { elf64Ehdr, elf64Phdr, elf64Shdr } from '../../../src/abi/elf.js';
import { E } from '../../../src/abi/errno.js';
import { robustListHead } from '../../../src/abi/futex.js';
import { NR } from '../../../src/abi/numbers.js';
import { flock, iovec, openHow } from '../../../src/abi/open.js';
import { epollEvent, pollfd } from '../../../src/abi/poll.js';
import { rlimit64, rusage } from '../../../src/abi/resource.js';
import { schedParam } from '../../../src/abi/sched.js';
import {
  SIG,
  SIGINFO_SIZE,
  siginfoChild,
  siginfoFault,
  siginfoKill,
  stackT,
} from '../../../src/abi/signal.js';
import { stat, statfs, statx, statxTimestamp } from '../../../src/abi/stat.js';
import type { Struct } from '../../../src/abi/struct.js';
import { sysinfo } from '../../../src/abi/sysinfo.js';
import { winsize } from '../../../src/abi/termios.js';
import { itimerspec, itimerval, timespec, timeval, timezone, tms, utimbuf } from '../../../src/abi/time.js';
import { utsname } from '../../../src/abi/utsname.js';

interface Layout {
  readonly struct: Struct<never>;
  readonly c: string;
  readonly prefix?: string;
  /** Names that differ by more than the prefix; false: not looked at. */
  readonly names?: Readonly<Record<string, string | false>>;
}

const pick = (s: unknown): Struct<never> => s as Struct<never>;
const none = (...fields: string[]): Record<string, false> =>
  Object.fromEntries(fields.map((f) => [f, false as const]));

const layouts: Layout[] = [
  { struct: pick(timespec), c: 'struct timespec', prefix: 'tv_' },
  { struct: pick(timeval), c: 'struct timeval', prefix: 'tv_' },
  { struct: pick(itimerspec), c: 'struct itimerspec', prefix: 'it_' },
  { struct: pick(itimerval), c: 'struct itimerval', prefix: 'it_' },
  { struct: pick(timezone), c: 'struct timezone', prefix: 'tz_' },
  { struct: pick(tms), c: 'struct tms', prefix: 'tms_' },
  { struct: pick(utimbuf), c: 'struct utimbuf' },
  {
    struct: pick(stat),
    c: 'struct stat',
    prefix: 'st_',
    names: { ...none('pad0', 'unused'), atime: 'st_atim', mtime: 'st_mtim', ctime: 'st_ctim' },
  },
  {
    struct: pick(statx),
    c: 'struct statx',
    prefix: 'stx_',
    names: {
      ...none('spare0', 'spare3'),
      attributesMask: 'stx_attributes_mask',
      rdevMajor: 'stx_rdev_major',
      rdevMinor: 'stx_rdev_minor',
      devMajor: 'stx_dev_major',
      devMinor: 'stx_dev_minor',
      mntId: 'stx_mnt_id',
      dioMemAlign: 'stx_dio_mem_align',
      dioOffsetAlign: 'stx_dio_offset_align',
    },
  },
  { struct: pick(statxTimestamp), c: 'struct statx_timestamp', prefix: 'tv_', names: none('reserved') },
  { struct: pick(statfs), c: 'struct statfs', prefix: 'f_', names: none('spare') },
  { struct: pick(flock), c: 'struct flock', prefix: 'l_' },
  { struct: pick(iovec), c: 'struct iovec', prefix: 'iov_' },
  { struct: pick(openHow), c: 'struct open_how' },
  { struct: pick(pollfd), c: 'struct pollfd' },
  { struct: pick(epollEvent), c: 'struct epoll_event' },
  { struct: pick(rlimit64), c: 'struct rlimit64', prefix: 'rlim_' },
  { struct: pick(rusage), c: 'struct rusage', prefix: 'ru_' },
  { struct: pick(schedParam), c: 'struct sched_param', prefix: 'sched_' },
  {
    struct: pick(cloneArgs),
    c: 'struct clone_args',
    names: {
      childTid: 'child_tid',
      parentTid: 'parent_tid',
      exitSignal: 'exit_signal',
      stackSize: 'stack_size',
      setTid: 'set_tid',
      setTidSize: 'set_tid_size',
    },
  },
  {
    struct: pick(robustListHead),
    c: 'struct robust_list_head',
    names: { next: 'list', futexOffset: 'futex_offset', listOpPending: 'list_op_pending' },
  },
  { struct: pick(stackT), c: 'stack_t', prefix: 'ss_' },
  {
    struct: pick(siginfoKill),
    c: 'siginfo_t',
    prefix: 'si_',
    names: { pad: false, valueLo: 'si_value', valueHi: false },
  },
  { struct: pick(siginfoChild), c: 'siginfo_t', prefix: 'si_', names: none('pad', 'pad2') },
  { struct: pick(siginfoFault), c: 'siginfo_t', prefix: 'si_', names: none('pad') },
  { struct: pick(capUserHeader), c: 'struct __user_cap_header_struct' },
  { struct: pick(capUserData), c: 'struct __user_cap_data_struct' },
  { struct: pick(elf64Ehdr), c: 'Elf64_Ehdr', prefix: 'e_' },
  { struct: pick(elf64Phdr), c: 'Elf64_Phdr', prefix: 'p_' },
  { struct: pick(elf64Shdr), c: 'Elf64_Shdr', prefix: 'sh_' },
  { struct: pick(utsname), c: 'struct utsname' },
  { struct: pick(sysinfo), c: 'struct sysinfo', names: { pad: 'pad', memUnit: 'mem_unit' } },
  { struct: pick(winsize), c: 'struct winsize', prefix: 'ws_' },
];

const HEADERS = [
  'elf.h',
  'errno.h',
  'fcntl.h',
  'poll.h',
  'sched.h',
  'signal.h',
  'stddef.h',
  'stdio.h',
  'time.h',
  'utime.h',
  'linux/capability.h',
  'linux/futex.h',
  'linux/openat2.h',
  'linux/sched.h',
  'sys/epoll.h',
  'sys/ioctl.h',
  'sys/resource.h',
  'sys/stat.h',
  'sys/statfs.h',
  'sys/syscall.h',
  'sys/sysinfo.h',
  'sys/time.h',
  'sys/times.h',
  'sys/uio.h',
  'sys/utsname.h',
];

function fieldOf({ prefix, names }: Layout, field: string): string | undefined {
  const name = names?.[field];
  if (name === false) return undefined;
  return name ?? `${prefix ?? ''}${field}`;
}

/** What the program prints has the same form: "struct.field offset" and "struct size". */
function expected(): string[] {
  const lines: string[] = [];
  for (const [i, layout] of layouts.entries()) {
    lines.push(`${i} ${layout.c} ${layout.struct.size}`);
    for (const [field, offset] of Object.entries(layout.struct.offsets)) {
      const c = fieldOf(layout, field);
      if (c !== undefined) lines.push(`${i} ${layout.c}.${c} ${offset}`);
    }
  }
  for (const [name, value] of Object.entries(E)) lines.push(`${name} ${value}`);
  for (const [name, value] of Object.entries(SIG)) lines.push(`SIG${name} ${value}`);
  return lines;
}

function program(): string {
  const lines: string[] = [];
  for (const [i, layout] of layouts.entries()) {
    lines.push(`printf("${i} ${layout.c} %zu\\n", sizeof(${layout.c}));`);
    for (const field of Object.keys(layout.struct.offsets)) {
      const c = fieldOf(layout, field);
      if (c === undefined) continue;
      lines.push(`printf("${i} ${layout.c}.${c} %zu\\n", offsetof(${layout.c}, ${c}));`);
    }
  }
  for (const name of Object.keys(E)) lines.push(`printf("${name} %d\\n", ${name});`);
  for (const name of Object.keys(SIG)) lines.push(`printf("SIG${name} %d\\n", SIG${name});`);
  const includes = HEADERS.map((h) => `#include <${h}>`).join('\n');
  return `#define _GNU_SOURCE\n${includes}\nint main(void) {\n${lines.join('\n')}\nreturn 0;\n}\n`;
}

function compileAndRun(source: string): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-layout-'));
  try {
    const file = join(dir, 'layout.c');
    writeFileSync(file, source);
    execFileSync('gcc', ['-w', '-o', join(dir, 'layout'), file]);
    return execFileSync(join(dir, 'layout'), { encoding: 'utf8' }).trim().split('\n');
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const hasCompiler = spawnSync('gcc', ['--version']).status === 0;
if (!hasCompiler) console.warn('no gcc: struct layouts are not compared with the C compiler');
const withCompiler = hasCompiler ? test : test.skip;

describe('layouts', () => {
  withCompiler('structs, errnos and signals are what the C compiler says', () => {
    expect(compileAndRun(program())).toEqual(expected());
  });

  withCompiler('system call numbers are what the C compiler says, where its headers know them', () => {
    const lines = Object.keys(NR).map(
      (name) => `#ifdef SYS_${name}\nprintf("${name} %d\\n", SYS_${name});\n#endif`,
    );
    const source = `#include <stdio.h>\n#include <sys/syscall.h>\nint main(void) {\n${lines.join('\n')}\nreturn 0;\n}\n`;
    const known = compileAndRun(source);
    expect(known.length).toBeGreaterThan(300);
    const ours = new Map(Object.entries(NR));
    for (const line of known) {
      const [name = '', number] = line.split(' ');
      expect(`${name} ${ours.get(name)}`).toBe(`${name} ${number}`);
    }
  });

  test('a siginfo is 128 bytes', () => {
    expect(SIGINFO_SIZE).toBe(128);
  });
});
