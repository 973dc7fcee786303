/**
 * System calls that troupe does not have, each with the errno that Linux answers where the feature is
 * missing or forbidden, and why. A declaration of a family takes precedence over an entry here.
 */
import { E, type Errno } from '../../abi/errno.js';
import { NR, type SyscallName } from '../../abi/numbers.js';
import type { Declaration } from './declare.js';
import { unimplemented } from './unimplemented.js';

interface Absence {
  readonly errno: Errno;
  readonly note: string;
  readonly names: readonly SyscallName[];
}

const ABSENCES: readonly Absence[] = [
  {
    errno: E.ENOSYS,
    note: 'Linux has no such call any more (or never had it)',
    names: [
      'uselib',
      'ustat',
      'sysfs',
      '_sysctl',
      'create_module',
      'get_kernel_syms',
      'query_module',
      'nfsservctl',
      'getpmsg',
      'putpmsg',
      'afs_syscall',
      'tuxcall',
      'security',
      'vserver',
      'epoll_ctl_old',
      'epoll_wait_old',
      'set_thread_area',
      'get_thread_area',
      'lookup_dcookie',
      'remap_file_pages',
    ],
  },
  {
    errno: E.EPERM,
    note: 'the machine belongs to the host',
    names: [
      'iopl',
      'ioperm',
      'reboot',
      'swapon',
      'swapoff',
      'vhangup',
      'kexec_load',
      'kexec_file_load',
      'init_module',
      'finit_module',
      'delete_module',
      'adjtimex',
      'clock_adjtime',
      'acct',
      'open_by_handle_at',
    ],
  },
  { errno: E.ENOSYS, note: 'no segment descriptors for guests', names: ['modify_ldt'] },
  { errno: E.ENOSYS, note: 'no disk quotas', names: ['quotactl', 'quotactl_fd'] },
  { errno: E.EOPNOTSUPP, note: 'no file handles', names: ['name_to_handle_at'] },
  { errno: E.ENOSYS, note: 'as a kernel built without it: no process can be compared', names: ['kcmp'] },
  { errno: E.ENOSYS, note: 'no filters of system calls for guests yet', names: ['seccomp'] },
  {
    errno: E.ENOSYS,
    note: 'as a kernel built without it; programs do without',
    names: [
      'perf_event_open',
      'bpf',
      'userfaultfd',
      'fanotify_init',
      'fanotify_mark',
      'io_uring_setup',
      'io_uring_enter',
      'io_uring_register',
      'landlock_create_ruleset',
      'landlock_add_rule',
      'landlock_restrict_self',
      'lsm_get_self_attr',
      'lsm_set_self_attr',
      'lsm_list_modules',
      'add_key',
      'request_key',
      'keyctl',
      'memfd_secret',
      'map_shadow_stack',
      'uretprobe',
      'cachestat',
      'mseal',
    ],
  },
  {
    errno: E.ENOSYS,
    note: 'as a kernel built without NUMA',
    names: [
      'mbind',
      'set_mempolicy',
      'get_mempolicy',
      'migrate_pages',
      'move_pages',
      'set_mempolicy_home_node',
    ],
  },
  {
    errno: E.ENOSYS,
    note: 'no memory protection keys',
    names: ['pkey_mprotect', 'pkey_alloc', 'pkey_free'],
  },
  {
    errno: E.ENOSYS,
    note: 'no asynchronous I/O yet; programs use threads',
    names: ['io_setup', 'io_destroy', 'io_getevents', 'io_submit', 'io_cancel', 'io_pgetevents'],
  },
  {
    errno: E.ENOSYS,
    note: 'no System V IPC yet',
    names: [
      'shmget',
      'shmat',
      'shmctl',
      'shmdt',
      'semget',
      'semop',
      'semctl',
      'semtimedop',
      'msgget',
      'msgsnd',
      'msgrcv',
      'msgctl',
    ],
  },
  {
    errno: E.ENOSYS,
    note: 'no POSIX message queues yet',
    names: ['mq_open', 'mq_unlink', 'mq_timedsend', 'mq_timedreceive', 'mq_notify', 'mq_getsetattr'],
  },
  {
    errno: E.ENOSYS,
    note: 'no notification of changes of files yet',
    names: ['inotify_init', 'inotify_init1', 'inotify_add_watch', 'inotify_rm_watch'],
  },
  {
    errno: E.ENOSYS,
    note: 'one message at a time: sendmsg(2) and recvmsg(2)',
    names: ['sendmmsg', 'recvmmsg'],
  },
  {
    errno: E.ENOSYS,
    note: 'memory of other processes stays theirs',
    names: ['process_madvise', 'process_mrelease'],
  },
  {
    errno: E.EPERM,
    note: 'no further namespaces inside a sandbox',
    names: ['setns', 'unshare', 'pivot_root'],
  },
  {
    errno: E.ENOSYS,
    note: 'mount(2) does it',
    names: [
      'open_tree',
      'open_tree_attr',
      'move_mount',
      'fsopen',
      'fsconfig',
      'fsmount',
      'fspick',
      'mount_setattr',
      'statmount',
      'listmount',
    ],
  },
  {
    errno: E.ENOSYS,
    note: 'futex(2) does it',
    names: ['futex_wake', 'futex_wait', 'futex_requeue'],
  },
  {
    errno: E.EINTR,
    note: 'interrupted sleeps go on by themselves; called by hand there is nothing to go on with',
    names: ['restart_syscall'],
  },
  {
    errno: E.ENOSYS,
    note: 'newer than the kernel that uname names',
    names: ['setxattrat', 'getxattrat', 'listxattrat', 'removexattrat', 'file_getattr', 'file_setattr'],
  },
];

/** Of a name that neither a family nor the list above has: a gap, which a test finds. */
export const NOT_YET = 'not there yet';

/** A declaration of every number that `declared` leaves open. */
export function absentCalls(declared: ReadonlySet<number>): Declaration[] {
  const out: Declaration[] = [];
  const done = new Set(declared);
  const add = (name: SyscallName, errno: Errno, note: string): void => {
    if (done.has(NR[name])) return;
    done.add(NR[name]);
    out.push(unimplemented(name, errno, note));
  };
  for (const { names, errno, note } of ABSENCES) for (const name of names) add(name, errno, note);
  for (const name of Object.keys(NR)) add(name as SyscallName, E.ENOSYS, NOT_YET);
  return out;
}
