/**
 * What this host offers and what troupe will use of it: each feature is tried, not guessed from a
 * version, wherever trying changes nothing. Serves `troupe doctor` and `inspectHost()`.
 *
 * Owner: whoever asks; nothing is kept. koffi is imported here, late, so that a host on which it does
 * not load gets a report as well.
 */
import { readFileSync } from 'node:fs';
import { arch, availableParallelism, platform, release } from 'node:os';

export interface HostCheck {
  readonly name: string;
  /** `missing` is what troupe cannot do without, `absent` what it makes do without. */
  readonly status: 'ok' | 'absent' | 'missing';
  readonly detail: string;
  /** What the user can do about it; only where there is something. */
  readonly advice?: string;
}

export interface HostReport {
  readonly ok: boolean;
  readonly checks: readonly HostCheck[];
  /** What will be used, by purpose. */
  readonly uses: Readonly<Record<'platform' | 'trap' | 'isolation' | 'guestMemory' | 'shards', string>>;
}

const SYS = {
  prctl: 157,
  close: 3,
  process_vm_readv: 310,
  seccomp: 317,
  memfd_create: 319,
  pidfd_open: 434,
  openat2: 437,
} as const;
const PR_GET_SECCOMP = 21;
const PR_SET_SYSCALL_USER_DISPATCH = 59;
const SECCOMP_GET_ACTION_AVAIL = 2;
const SECCOMP_RET_TRAP = 0x0003_0000;
const AT_HWCAP2 = 26n;
const HWCAP2_FSGSBASE = 2n;
const AT_FDCWD = -100;
const O_PATH_DIRECTORY = 0x210000;
const RESOLVE_BENEATH = 8n;

/** A raw system call: its result, or a negative errno. */
type Call = (number: number, ...args: (number | bigint | Uint8Array)[]) => number;

export async function inspectHost(): Promise<HostReport> {
  const machine = checkMachine();
  const [koffi, call] = await loadKoffi();
  const checks = [machine, checkKernel(), koffi];
  if (call) {
    checks.push(
      checkSeccomp(call),
      checkDispatch(call),
      checkMemfd(call),
      checkPidfd(call),
      checkOpenat2(call),
    );
    checks.push(checkVmRead(call));
  }
  checks.push(checkUserNamespaces(), checkPtrace(), checkFsgsbase(), checkCores());
  return { ok: checks.every((c) => c.status !== 'missing'), checks, uses: decide(checks) };
}

function decide(checks: readonly HostCheck[]): HostReport['uses'] {
  const has = (name: string): boolean => checks.some((c) => c.name === name && c.status === 'ok');
  return {
    platform: 'systrap',
    trap: has('syscall user dispatch')
      ? 'Syscall User Dispatch, with seccomp behind it'
      : 'seccomp (SECCOMP_RET_TRAP)',
    isolation: has('user namespaces') ? 'seccomp, no_new_privs, namespaces' : 'seccomp, no_new_privs',
    guestMemory: has('process_vm_readv') && has('ptrace access') ? 'process_vm_readv' : 'copied by the stub',
    shards: String(availableParallelism()),
  };
}

function checkMachine(): HostCheck {
  const detail = `${platform()} ${arch()}`;
  if (platform() === 'linux' && arch() === 'x64') return { name: 'machine', status: 'ok', detail };
  return { name: 'machine', status: 'missing', detail, advice: 'troupe runs on x86-64 Linux only' };
}

function checkKernel(): HostCheck {
  const detail = release();
  const [major = 0, minor = 0] = detail.split('.').map((n) => Number.parseInt(n, 10));
  if (major > 5 || (major === 5 && minor >= 10)) return { name: 'kernel', status: 'ok', detail };
  return { name: 'kernel', status: 'missing', detail, advice: 'Linux 5.10 or later is needed' };
}

async function loadKoffi(): Promise<[HostCheck, Call | undefined]> {
  try {
    const { default: koffi } = await import('koffi');
    const libc = koffi.load('libc.so.6');
    const word = 'int64_t';
    const buffer = 'void *';
    const prototypes = new Map<string, (...args: unknown[]) => unknown>();
    const call: Call = (number, ...args) => {
      const shape = args.map((a) => (typeof a === 'object' ? buffer : word));
      while (shape.length < 6) shape.push(word);
      const key = shape.join();
      const f =
        prototypes.get(key) ?? (libc.func('syscall', word, [word, ...shape]) as (...a: unknown[]) => unknown);
      prototypes.set(key, f);
      const result = Number(f(number, ...args, ...new Array(6 - args.length).fill(0)));
      return result === -1 ? -koffi.errno() : result;
    };
    return [{ name: 'koffi', status: 'ok', detail: 'loads, and calls libc' }, call];
  } catch (e) {
    const detail = e instanceof Error ? (e.message.split('\n')[0] ?? '') : String(e);
    const advice =
      'install again with optional dependencies (npm ci without --omit=optional); musl is not supported';
    return [{ name: 'koffi', status: 'missing', detail, advice }, undefined];
  }
}

function checkSeccomp(call: Call): HostCheck {
  const name = 'seccomp';
  const action = new Uint8Array(4);
  new DataView(action.buffer).setUint32(0, SECCOMP_RET_TRAP, true);
  const available = call(SYS.seccomp, SECCOMP_GET_ACTION_AVAIL, 0, action);
  const mode = call(SYS.prctl, PR_GET_SECCOMP);
  if (available === 0) {
    return { name, status: 'ok', detail: mode === 2 ? 'filters, inside a filter already' : 'filters' };
  }
  const advice =
    'a kernel with CONFIG_SECCOMP_FILTER is needed, and a container profile that allows seccomp(2)';
  return { name, status: 'missing', detail: `seccomp(2): errno ${-available}`, advice };
}

function checkDispatch(call: Call): HostCheck {
  const name = 'syscall user dispatch';
  // Turning off what is off changes nothing, and fails where the kernel does not know it.
  const result = call(SYS.prctl, PR_SET_SYSCALL_USER_DISPATCH, 0, 0, 0, 0);
  if (result === 0) return { name, status: 'ok', detail: 'available' };
  return { name, status: 'absent', detail: 'seccomp traps instead; a little slower' };
}

function checkMemfd(call: Call): HostCheck {
  const name = 'memfd';
  const fd = call(SYS.memfd_create, Buffer.from('troupe-doctor\0'), 1);
  if (fd >= 0) call(SYS.close, fd);
  if (fd < 0) return { name, status: 'missing', detail: `memfd_create: errno ${-fd}` };
  if (readWord('/proc/sys/vm/memfd_noexec') === '2') {
    const advice = 'sysctl vm.memfd_noexec=1 lets troupe start its stub';
    return { name, status: 'missing', detail: 'may not be executed', advice };
  }
  return { name, status: 'ok', detail: 'available' };
}

function checkPidfd(call: Call): HostCheck {
  const name = 'pidfd';
  const fd = call(SYS.pidfd_open, process.pid, 0);
  if (fd < 0) return { name, status: 'missing', detail: `pidfd_open: errno ${-fd}` };
  call(SYS.close, fd);
  return { name, status: 'ok', detail: 'available' };
}

function checkOpenat2(call: Call): HostCheck {
  const name = 'openat2';
  // struct open_how: flags, mode, resolve.
  const how = new BigUint64Array([BigInt(O_PATH_DIRECTORY), 0n, RESOLVE_BENEATH]);
  const fd = call(SYS.openat2, AT_FDCWD, Buffer.from('.\0'), new Uint8Array(how.buffer), 24);
  if (fd < 0) {
    const advice = 'a container profile that allows openat2(2) is needed';
    return { name, status: 'missing', detail: `errno ${-fd}`, advice };
  }
  call(SYS.close, fd);
  return { name, status: 'ok', detail: 'available' };
}

/** Whether the call exists and is let through; whose memory may be read is checkPtrace's question. */
function checkVmRead(call: Call): HostCheck {
  const name = 'process_vm_readv';
  const result = call(SYS.process_vm_readv, process.pid, 0, 0, 0, 0, 0);
  if (result === 0) return { name, status: 'ok', detail: 'available' };
  return { name, status: 'absent', detail: `errno ${-result}; the stub copies instead` };
}

function checkUserNamespaces(): HostCheck {
  const name = 'user namespaces';
  const forbidden = (detail: string): HostCheck => ({ name, status: 'absent', detail });
  if (readWord('/proc/sys/user/max_user_namespaces') === '0')
    return forbidden('user.max_user_namespaces is 0');
  if (process.getuid?.() === 0) return { name, status: 'ok', detail: 'as root' };
  if (readWord('/proc/sys/kernel/unprivileged_userns_clone') === '0') {
    return forbidden('kernel.unprivileged_userns_clone is 0');
  }
  if (readWord('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1') {
    return forbidden('AppArmor restricts them (kernel.apparmor_restrict_unprivileged_userns is 1)');
  }
  return { name, status: 'ok', detail: 'unprivileged' };
}

function checkPtrace(): HostCheck {
  const name = 'ptrace access';
  const scope = readWord('/proc/sys/kernel/yama/ptrace_scope') ?? '0';
  if (scope === '0' || scope === '1')
    return { name, status: 'ok', detail: `to descendants (yama scope ${scope})` };
  return { name, status: 'absent', detail: `yama ptrace_scope is ${scope}; the stub copies instead` };
}

function checkFsgsbase(): HostCheck {
  const name = 'fsgsbase';
  const has = (auxiliaryValue(AT_HWCAP2) & HWCAP2_FSGSBASE) !== 0n;
  if (has) return { name, status: 'ok', detail: 'available' };
  return { name, status: 'absent', detail: 'thread pointers are set by arch_prctl; a little slower' };
}

function checkCores(): HostCheck {
  return { name: 'cores', status: 'ok', detail: String(availableParallelism()) };
}

function auxiliaryValue(type: bigint): bigint {
  try {
    const auxv = readFileSync('/proc/self/auxv');
    for (let at = 0; at + 16 <= auxv.length; at += 16) {
      if (auxv.readBigUInt64LE(at) === type) return auxv.readBigUInt64LE(at + 8);
    }
  } catch {
    // No /proc: nothing is known.
  }
  return 0n;
}

function readWord(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
