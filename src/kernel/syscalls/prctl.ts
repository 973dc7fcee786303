/**
 * prctl(2) and arch_prctl(2): one operation is one entry of a table. Operations of what a kernel may
 * be built without (seccomp, naming of mappings, …) fail with EINVAL, as such a kernel does.
 */
import {
  SECBIT_KEEP_CAPS,
  SECBIT_KEEP_CAPS_LOCKED,
  SECBIT_NO_CAP_AMBIENT_RAISE,
  SECURE_ALL_BITS,
  SECURE_ALL_LOCKS,
} from '../../abi/capability.js';
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import * as PR from '../../abi/prctl.js';
import { NSIG } from '../../abi/signal.js';
import { userAddr } from '../../base/brand.js';
import { bytesOf, latin1 } from '../../base/bytes.js';
import { CAP, CAP_LAST, type Credentials, has } from '../auth/credentials.js';
import { fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { choice, word } from './codecs.js';
import { arg, syscall } from './declare.js';

type Operation = (task: Task, arg2: number, arg3: number, arg4: number, arg5: number) => Result;

/** Bytes of a task's name, with the NUL. */
const TASK_COMM_LEN = 16;
const DEFAULT_TIMER_SLACK_NS = 50_000;
const PR_TSC_ENABLE = 1;

const operations = new Map<number, Operation>([
  [PR.PR_SET_NAME, setName],
  [PR.PR_GET_NAME, getName],
  [
    PR.PR_SET_PDEATHSIG,
    (task, signo) => {
      if (signo > NSIG) return fail(E.EINVAL);
      task.parentDeathSignal = signo;
      return 0;
    },
  ],
  [PR.PR_GET_PDEATHSIG, (task, at) => put(task, at, task.parentDeathSignal)],
  [PR.PR_GET_DUMPABLE, (task) => task.group.dumpable],
  [
    PR.PR_SET_DUMPABLE,
    (task, value) => {
      if (value > 1) return fail(E.EINVAL);
      task.group.dumpable = value;
      return 0;
    },
  ],
  [PR.PR_GET_KEEPCAPS, (task) => ((task.creds.securebits & SECBIT_KEEP_CAPS) === 0 ? 0 : 1)],
  [PR.PR_SET_KEEPCAPS, setKeepCaps],
  [PR.PR_GET_SECUREBITS, (task) => task.creds.securebits],
  [PR.PR_SET_SECUREBITS, setSecurebits],
  [PR.PR_CAPBSET_READ, (task, cap) => (cap > CAP_LAST ? fail(E.EINVAL) : bitOf(task.creds.bounding, cap))],
  [PR.PR_CAPBSET_DROP, dropBounding],
  [PR.PR_CAP_AMBIENT, ambient],
  [PR.PR_GET_TIMING, () => 0],
  [PR.PR_SET_TIMING, (_task, timing) => (timing === 0 ? 0 : fail(E.EINVAL))],
  [PR.PR_GET_TSC, (task, at) => put(task, at, PR_TSC_ENABLE)],
  [PR.PR_SET_TSC, (_task, mode) => (mode === PR_TSC_ENABLE ? 0 : fail(E.EINVAL))],
  [PR.PR_GET_TIMERSLACK, (task) => task.timerSlackNs],
  [
    PR.PR_SET_TIMERSLACK,
    (task, slack) => {
      task.timerSlackNs = slack === 0 ? DEFAULT_TIMER_SLACK_NS : slack;
      return 0;
    },
  ],
  [
    PR.PR_SET_CHILD_SUBREAPER,
    (task, on) => {
      task.group.isSubreaper = on !== 0;
      return 0;
    },
  ],
  [PR.PR_GET_CHILD_SUBREAPER, (task, at) => put(task, at, task.group.isSubreaper ? 1 : 0)],
  [
    PR.PR_SET_NO_NEW_PRIVS,
    (task, on, ...rest) => {
      if (on !== 1 || rest.some((a) => a !== 0)) return fail(E.EINVAL);
      task.creds = { ...task.creds, noNewPrivs: true };
      return 0;
    },
  ],
  [
    PR.PR_GET_NO_NEW_PRIVS,
    (task, ...rest) => {
      if (rest.some((a) => a !== 0)) return fail(E.EINVAL);
      return task.creds.noNewPrivs ? 1 : 0;
    },
  ],
  [
    PR.PR_GET_TID_ADDRESS,
    (task, at) => {
      task.memory.writeU64(userAddr(at), task.clearChildTid);
      return 0;
    },
  ],
  [PR.PR_SET_MM, (task) => fail(has(task.creds, CAP.SYS_RESOURCE) ? E.EINVAL : E.EPERM)],
]);

const archOperations = new Map<number, (task: Task, addr: number) => Result>([
  [PR.ARCH_SET_FS, setFs],
  [
    PR.ARCH_GET_FS,
    (task, at) => {
      task.memory.writeU64(userAddr(at), task.context.getThreadPointer());
      return 0;
    },
  ],
  [PR.ARCH_SET_GS, setGs],
  [
    PR.ARCH_GET_GS,
    (task, at) => {
      task.memory.writeU64(userAddr(at), task.context.getGsBase());
      return 0;
    },
  ],
  // cpuid always works; making it trap wants a CPU that can.
  [PR.ARCH_GET_CPUID, () => 1],
  [PR.ARCH_SET_CPUID, () => fail(E.ENODEV)],
]);

export const prctlCalls = [
  syscall(
    NR.prctl,
    'prctl',
    [
      arg('option', choice(PR.prctlOperations)),
      arg('arg2', word),
      arg('arg3', word),
      arg('arg4', word),
      arg('arg5', word),
    ],
    { support: 'partial', note: 'EINVAL for seccomp, PR_SET_VMA, PR_SET_MM, THP and speculation control' },
    (task, option, ...rest) => {
      const operation = operations.get(option);
      return operation ? operation(task, ...rest) : fail(E.EINVAL);
    },
  ),
  syscall(
    NR.arch_prctl,
    'arch_prctl',
    [arg('op', choice(PR.archPrctlOperations)), arg('addr', word)],
    { support: 'partial', note: 'no shadow stacks, no XSAVE permissions: EINVAL' },
    (task, op, at) => {
      const operation = archOperations.get(op);
      return operation ? operation(task, at) : fail(E.EINVAL);
    },
  ),
];

function put(task: Task, at: number, value: number): Result {
  task.memory.writeU32(userAddr(at), value);
  return 0;
}

/** The name is cut to 15 bytes; memory behind its NUL need not be there. */
function setName(task: Task, at: number): Result {
  const bytes = new Uint8Array(TASK_COMM_LEN - 1);
  const got = task.memory.tryRead(userAddr(at), bytes);
  const text = latin1(bytes.subarray(0, got));
  const nul = text.indexOf('\0');
  if (nul < 0 && got < bytes.length) return fail(E.EFAULT);
  task.comm = nul < 0 ? text : text.slice(0, nul);
  return 0;
}

function getName(task: Task, at: number): Result {
  const bytes = new Uint8Array(TASK_COMM_LEN);
  bytes.set(bytesOf(task.comm).subarray(0, TASK_COMM_LEN - 1));
  task.memory.write(userAddr(at), bytes);
  return 0;
}

function setKeepCaps(task: Task, on: number): Result {
  const { securebits } = task.creds;
  if (on > 1) return fail(E.EINVAL);
  if (securebits & SECBIT_KEEP_CAPS_LOCKED) return fail(E.EPERM);
  const next = on === 1 ? securebits | SECBIT_KEEP_CAPS : securebits & ~SECBIT_KEEP_CAPS;
  task.creds = { ...task.creds, securebits: next };
  return 0;
}

/** A bit whose lock is set stays, and so does the lock. */
function setSecurebits(task: Task, next: number): Result {
  const { securebits } = task.creds;
  const locked = (securebits & SECURE_ALL_LOCKS) >> 1;
  const known = next <= (SECURE_ALL_BITS | SECURE_ALL_LOCKS);
  const keepsLocks = (securebits & SECURE_ALL_LOCKS & ~next) === 0;
  const keepsLocked = (locked & (securebits ^ next)) === 0;
  if (!known || !keepsLocks || !keepsLocked || !has(task.creds, CAP.SETPCAP)) return fail(E.EPERM);
  task.creds = { ...task.creds, securebits: next };
  return 0;
}

function dropBounding(task: Task, cap: number): Result {
  if (!has(task.creds, CAP.SETPCAP)) return fail(E.EPERM);
  if (cap > CAP_LAST) return fail(E.EINVAL);
  task.creds = { ...task.creds, bounding: task.creds.bounding & ~(1n << BigInt(cap)) };
  return 0;
}

function ambient(task: Task, operation: number, cap: number, arg4: number, arg5: number): Result {
  const old = task.creds;
  if (arg4 !== 0 || arg5 !== 0) return fail(E.EINVAL);
  if (operation === PR.PR_CAP_AMBIENT_CLEAR_ALL) {
    return cap === 0 ? withAmbient(task, 0n) : fail(E.EINVAL);
  }
  if (cap > CAP_LAST) return fail(E.EINVAL);
  switch (operation) {
    case PR.PR_CAP_AMBIENT_IS_SET:
      return bitOf(old.ambient, cap);
    case PR.PR_CAP_AMBIENT_LOWER:
      return withAmbient(task, old.ambient & ~(1n << BigInt(cap)));
    case PR.PR_CAP_AMBIENT_RAISE:
      if (!mayRaise(old, cap)) return fail(E.EPERM);
      return withAmbient(task, old.ambient | (1n << BigInt(cap)));
    default:
      return fail(E.EINVAL);
  }
}

function mayRaise(creds: Credentials, cap: number): boolean {
  const owned = bitOf(creds.permitted, cap) === 1 && bitOf(creds.inheritable, cap) === 1;
  return owned && (creds.securebits & SECBIT_NO_CAP_AMBIENT_RAISE) === 0;
}

function withAmbient(task: Task, set: bigint): Result {
  task.creds = { ...task.creds, ambient: set };
  return 0;
}

function bitOf(set: bigint, cap: number): number {
  return Number((set >> BigInt(cap)) & 1n);
}

function setFs(task: Task, at: number): Result {
  if (at >= task.kernel.platform.maxAddress) return fail(E.EPERM);
  task.context.setThreadPointer(userAddr(at));
  return 0;
}

function setGs(task: Task, at: number): Result {
  if (at >= task.kernel.platform.maxAddress) return fail(E.EPERM);
  task.context.setGsBase(userAddr(at));
  return 0;
}
