/**
 * The C library, as far as the platform drives processes and memory with it; koffi binds it.
 *
 * Each function returns what the C function returns; after a -1, `errno()` says why. Addresses are
 * numbers. The library is loaded once a worker, each function when it is first called.
 */
import koffi from 'koffi';

type Fn = (...args: (number | string | null)[]) => number;

const library = koffi.load('libc.so.6');

function bind(definition: string): Fn {
  return library.func(definition) as Fn;
}

/** errno of the last call on this thread. */
export const errno = (): number => koffi.errno();

/** An ArrayBuffer over memory of this process. It must not be touched after the memory is unmapped. */
export function viewMemory(address: number, length: number): ArrayBuffer {
  return koffi.view(address, length);
}

export const mmap = bind('int64_t mmap(int64_t, uint64_t, int, int, int, int64_t)');
export const munmap = bind('int munmap(int64_t, uint64_t)');
export const close = bind('int close(int)');
export const ftruncate = bind('int ftruncate(int, int64_t)');
export const memfdCreate = bind('int memfd_create(const char *, unsigned int)');
export const write = bind('int64_t write(int, int64_t, uint64_t)');
export const read = bind('int64_t read(int, int64_t, uint64_t)');
export const socketpair = bind('int socketpair(int, int, int, int64_t)');
export const setsockopt = bind('int setsockopt(int, int, int, int64_t, unsigned int)');
export const sendmsg = bind('int64_t sendmsg(int, int64_t, int)');
export const recvmsg = bind('int64_t recvmsg(int, int64_t, int)');
export const eventfd = bind('int eventfd(unsigned int, int)');
export const epollCreate1 = bind('int epoll_create1(int)');
export const epollCtl = bind('int epoll_ctl(int, int, int, int64_t)');
export const processVmReadv = bind(
  'int64_t process_vm_readv(int, int64_t, uint64_t, int64_t, uint64_t, uint64_t)',
);
export const processVmWritev = bind(
  'int64_t process_vm_writev(int, int64_t, uint64_t, int64_t, uint64_t, uint64_t)',
);
export const posixSpawn = bind('int posix_spawn(int64_t, const char *, int64_t, int64_t, int64_t, int64_t)');
export const fileActionsInit = bind('int posix_spawn_file_actions_init(int64_t)');
export const fileActionsAddDup2 = bind('int posix_spawn_file_actions_adddup2(int64_t, int, int)');
export const fileActionsDestroy = bind('int posix_spawn_file_actions_destroy(int64_t)');
export const waitpid = bind('int waitpid(int, int64_t, int)');
export const getrandom = bind('int64_t getrandom(int64_t, uint64_t, unsigned int)');
export const clockGettime = bind('int clock_gettime(int, int64_t)');
export const usleep = bind('int usleep(unsigned int)');
export const schedYield = bind('int sched_yield()');
const rawSyscall = bind('int64_t syscall(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t)');

export function syscall(nr: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): number {
  return rawSyscall(nr, a, b, c, d, e, f);
}

/** x86-64 numbers of host calls that the C library (2.31) has no function for. */
export const SYS = {
  kill: 62,
  sched_setaffinity: 203,
  sched_getaffinity: 204,
  getcpu: 309,
  tgkill: 234,
  futex: 202,
  pidfd_open: 434,
  pidfd_send_signal: 424,
  epoll_pwait2: 441,
  prctl: 157,
} as const;
