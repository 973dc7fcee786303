/** /proc/sys: kernel parameters, proc_sys(5), sysctl(8). Those that can be set here are set. */
import { E } from '../../../abi/errno.js';
import { CAP, CAP_LAST, has } from '../../auth/credentials.js';
import { COST } from '../../kernel-memory.js';
import { MAX_MAP_COUNT } from '../../mm/vma-tree.js';
import { fail } from '../../outcome.js';
import type { Machine } from '../../services.js';
import { PID_MAX } from '../../task/task-set.js';
import type { UtsNamespace } from '../../uts.js';
import { type Directory, fixedDirectory, type SyntheticFs, Text } from '../synthetic/synthetic-fs.js';
import { netSysctls } from './net-sysctl.js';

export function sysctlDirectory(fs: SyntheticFs): Directory {
  const { machine, random, platform } = fs.services;
  const value = (v: string | number): Text => new Text(fs, () => `${v}\n`);
  const now = (read: () => string | number): Text => new Text(fs, () => `${read()}\n`);
  const bootId = uuid(random);
  return fixedDirectory(fs, {
    fs: fixedDirectory(fs, {
      'aio-max-nr': value(65_536),
      'aio-nr': value(0),
      epoll: fixedDirectory(fs, { max_user_watches: value(1_048_576) }),
      'file-max': now(() => fileMax(machine)),
      'file-nr': now(() => `0\t0\t${fileMax(machine)}`),
      inotify: fixedDirectory(fs, {
        max_queued_events: value(16_384),
        max_user_instances: value(128),
        max_user_watches: value(65_536),
      }),
      nr_open: value(1_048_576),
      overflowgid: value(65_534),
      overflowuid: value(65_534),
      'pipe-max-size': value(1_048_576),
      'pipe-user-pages-hard': value(0),
      'pipe-user-pages-soft': value(16_384),
    }),
    kernel: fixedDirectory(fs, {
      cap_last_cap: value(CAP_LAST),
      core_pattern: value('core'),
      core_uses_pid: value(0),
      dmesg_restrict: value(0),
      domainname: utsName(fs, 'domainname'),
      hostname: utsName(fs, 'nodename'),
      ngroups_max: value(65_536),
      osrelease: now(() => utsOf(fs).release),
      ostype: now(() => utsOf(fs).sysname),
      overflowgid: value(65_534),
      overflowuid: value(65_534),
      pid_max: value(PID_MAX),
      random: fixedDirectory(fs, {
        boot_id: value(bootId),
        entropy_avail: value(256),
        poolsize: value(256),
        uuid: now(() => uuid(random)),
      }),
      randomize_va_space: value(2),
      tainted: value(0),
      'threads-max': value(machine.maxTasks),
      version: now(() => utsOf(fs).version),
    }),
    net: netSysctls(fs),
    vm: fixedDirectory(fs, {
      max_map_count: value(MAX_MAP_COUNT),
      mmap_min_addr: value(platform.minAddress),
      nr_hugepages: value(0),
      overcommit_memory: value(0),
      overcommit_ratio: value(50),
      swappiness: value(60),
    }),
  });
}

/** The longest name: __NEW_UTS_LEN. */
const UTS_LENGTH = 64;

/** Of whoever looks. */
function utsOf({ services }: SyntheticFs): UtsNamespace {
  return services.tasks.current?.uts ?? services.uts;
}

/** How many files may be open at once: as many as the kernel's memory holds. */
function fileMax({ kernelMemoryBytes }: Machine): string {
  return kernelMemoryBytes === undefined
    ? '9223372036854775807'
    : String(Math.floor(kernelMemoryBytes / COST.file));
}

function utsName(fs: SyntheticFs, field: keyof UtsNamespace & ('nodename' | 'domainname')): Text {
  return new Text(
    fs,
    () => `${utsOf(fs)[field]}\n`,
    (written) => {
      const asker = fs.services.tasks.current;
      if (asker && !has(asker.creds, CAP.SYS_ADMIN)) return fail(E.EPERM);
      const [name = ''] = written.split(/[\n\0]/, 1);
      utsOf(fs)[field] = name.slice(0, UTS_LENGTH);
      return undefined;
    },
  );
}

/** A random one, version 4. */
function uuid(random: { fill(into: Uint8Array): void }): string {
  const b = new Uint8Array(16);
  random.fill(b);
  b[6] = ((b[6] ?? 0) & 0x0f) | 0x40;
  b[8] = ((b[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...b].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
