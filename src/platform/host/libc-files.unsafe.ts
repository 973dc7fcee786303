/**
 * The file calls of the host's C library, through koffi: raw, with raw addresses.
 *
 * Pointers are passed as numbers (`uintptr_t`), which koffi passes three times faster than typed
 * arrays; scratch memory lies in one ArrayBuffer whose address never changes. Buffers of callers go
 * as `void *`. Every call returns -1 on failure and leaves errno for `koffi.errno()`.
 */
import koffi from 'koffi';

const libc = koffi.load(null);

type Call<A extends unknown[]> = (...args: A) => number;
type Address = number;

function declare<A extends unknown[]>(name: string, parameters: string[], returns = 'int'): Call<A> {
  return libc.func(name, returns, parameters) as unknown as Call<A>;
}

const P = 'uintptr_t';

export const openat = declare<[number, Address, number, number]>('openat', ['int', P, 'int', 'uint']);
export const close = declare<[number]>('close', ['int']);
export const statxCall = declare<[number, number, Address, number, number, Address]>(
  'syscall',
  ['int64', 'int', P, 'int', 'uint', P],
  'int64',
);
export const openat2Call = declare<[number, number, Address, Address, number]>(
  'syscall',
  ['int64', 'int', P, P, 'size_t'],
  'int64',
);
export const getdents64Call = declare<[number, number, Address, number]>(
  'syscall',
  ['int64', 'int', P, 'size_t'],
  'int64',
);
export const renameat2Call = declare<[number, number, Address, number, Address, number]>(
  'syscall',
  ['int64', 'int', P, 'int', P, 'uint'],
  'int64',
);
export const memfdCreateCall = declare<[number, Address, number]>('syscall', ['int64', P, 'uint'], 'int64');
export const readlinkat = declare<[number, Address, Address, number]>(
  'readlinkat',
  ['int', P, P, 'size_t'],
  'int64',
);
export const pread = declare<[number, Uint8Array, number, number]>(
  'pread64',
  ['int', 'void *', 'size_t', 'int64'],
  'int64',
);
export const pwrite = declare<[number, Uint8Array, number, number]>(
  'pwrite64',
  ['int', 'void *', 'size_t', 'int64'],
  'int64',
);
export const read = declare<[number, Uint8Array, number]>('read', ['int', 'void *', 'size_t'], 'int64');
export const write = declare<[number, Uint8Array, number]>('write', ['int', 'void *', 'size_t'], 'int64');
export const preadv2 = declare<[number, Address, number, number, number]>(
  'preadv2',
  ['int', P, 'int', 'int64', 'int'],
  'int64',
);
export const pwritev2 = declare<[number, Address, number, number, number]>(
  'pwritev2',
  ['int', P, 'int', 'int64', 'int'],
  'int64',
);
export const ftruncate = declare<[number, number]>('ftruncate64', ['int', 'int64']);
export const fallocate = declare<[number, number, number, number]>('fallocate64', [
  'int',
  'int',
  'int64',
  'int64',
]);
export const fsync = declare<[number]>('fsync', ['int']);
export const mkdirat = declare<[number, Address, number]>('mkdirat', ['int', P, 'uint']);
export const unlinkat = declare<[number, Address, number]>('unlinkat', ['int', P, 'int']);
export const symlinkat = declare<[Address, number, Address]>('symlinkat', [P, 'int', P]);
export const linkat = declare<[number, Address, number, Address, number]>('linkat', [
  'int',
  P,
  'int',
  P,
  'int',
]);
export const fchmod = declare<[number, number]>('fchmod', ['int', 'uint']);
export const fchmodat = declare<[number, Address, number, number]>('fchmodat', ['int', P, 'uint', 'int']);
export const fchownat = declare<[number, Address, number, number, number]>('fchownat', [
  'int',
  P,
  'uint',
  'uint',
  'int',
]);
export const utimensat = declare<[number, Address, Address, number]>('utimensat', ['int', P, P, 'int']);
export const fstatfs = declare<[number, Address]>('fstatfs64', ['int', P]);
export const lseek = declare<[number, number, number]>('lseek64', ['int', 'int64', 'int'], 'int64');
export const poll = declare<[Address, number, number]>('poll', [P, 'ulong', 'int']);
export const ioctl = declare<[number, number, Uint8Array]>('ioctl', ['int', 'ulong', 'void *']);
export const ioctlValue = declare<[number, number, number]>('ioctl', ['int', 'ulong', 'long']);
export const tee = declare<[number, number, number, number]>(
  'tee',
  ['int', 'int', 'size_t', 'uint'],
  'int64',
);
export const recv = declare<[number, Uint8Array, number, number]>(
  'recv',
  ['int', 'void *', 'size_t', 'int'],
  'int64',
);
export const fcntl = declare<[number, number, number]>('fcntl', ['int', 'int', 'int']);
export const getxattr = declare<[Address, Address, Address, number]>(
  'getxattr',
  [P, P, P, 'size_t'],
  'int64',
);
export const listxattr = declare<[Address, Address, number]>('listxattr', [P, P, 'size_t'], 'int64');

/** x86-64 system-call numbers of calls that the C library may not wrap. */
export const NR = { getdents64: 217, renameat2: 316, memfdCreate: 319, statx: 332, openat2: 437 } as const;

export const AT_EMPTY_PATH = 0x1000;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_NO_AUTOMOUNT = 0x800;
export const O_PATH = 0o10000000;
export const O_NOFOLLOW = 0o400000;
export const O_DIRECTORY = 0o200000;
export const O_CLOEXEC = 0o2000000;

const sysconf = declare<[number]>('sysconf', ['int'], 'int64');
const SC_OPEN_MAX = 4;

/** How many descriptors this process may have: RLIMIT_NOFILE. */
export function descriptorLimit(): number {
  const limit = sysconf(SC_OPEN_MAX);
  return limit < 0 ? Number.POSITIVE_INFINITY : limit;
}

/** What a call came to: its result, or the negative errno. */
export function outcome(result: number): number {
  return result < 0 ? -koffi.errno() : result;
}

/** Scratch memory at a fixed address: a piece for each kind of argument. */
export class Scratch {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly #base: Address;

  constructor(size: number) {
    const memory = new ArrayBuffer(size);
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
    this.#base = Number(koffi.address(memory));
  }

  at(offset: number): Address {
    return this.#base + offset;
  }
}

/** Where the bytes of an off-heap array lie; keep the array alive while the address is used. */
export function addressOf(bytes: Uint8Array): Address {
  return Number(koffi.address(bytes));
}
