/**
 * process_vm_readv(2), process_vm_writev(2). Linux: mm/process_vm_access.c.
 *
 * Bytes go through a buffer of ours. A fault ends the transfer at the byte where it is (Linux: at the
 * iovec element); EFAULT only when nothing was moved.
 */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { IOV_MAX, iovec } from '../../abi/open.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { CAP, type Credentials, has } from '../auth/credentials.js';
import type { UserMemory } from '../mm/user-memory.js';
import { Failure, fail, type Outcome } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, int, ulong } from './codecs.js';
import { arg, syscall } from './declare.js';

interface Span {
  base: number;
  len: number;
}

const CHUNK = 64 * 1024;

interface Vectors {
  readonly local: UserAddr;
  readonly localCount: number;
  readonly remote: UserAddr;
  readonly remoteCount: number;
}

function transfer(
  task: Task,
  pid: number,
  vectors: Vectors,
  flags: number,
  direction: 'read' | 'write',
): Outcome {
  if (flags !== 0) return fail(E.EINVAL);
  const local = readSpans(task, vectors.local, vectors.localCount);
  if (local instanceof Failure) return local;
  const remote = readSpans(task, vectors.remote, vectors.remoteCount);
  if (remote instanceof Failure) return remote;
  if (total(local) === 0 || total(remote) === 0) return 0;
  const other = task.kernel.tasks.byTid(pid);
  if (!other) return fail(E.ESRCH);
  if (other.group !== task.group && !mayAccess(task.creds, other.creds)) return fail(E.EPERM);
  const moved =
    direction === 'read'
      ? copy(other.memory, remote, task.memory, local)
      : copy(task.memory, local, other.memory, remote);
  return moved > 0 ? moved : fail(E.EFAULT);
}

function readSpans(task: Task, at: UserAddr, count: number): Span[] | Failure {
  if (count > IOV_MAX) return fail(E.EINVAL);
  const bytes = task.memory.readBytes(at, count * iovec.size);
  const spans: Span[] = [];
  for (let i = 0; i < count; i++) {
    const span = iovec.decode(bytes.subarray(i * iovec.size));
    if (span.len > Number.MAX_SAFE_INTEGER) return fail(E.EINVAL);
    spans.push(span);
  }
  return total(spans) > Number.MAX_SAFE_INTEGER ? fail(E.EINVAL) : spans;
}

function total(spans: readonly Span[]): number {
  return spans.reduce((sum, { len }) => sum + len, 0);
}

/** PTRACE_MODE_ATTACH_REALCREDS of ptrace(2). */
function mayAccess(own: Credentials, other: Credentials): boolean {
  const same =
    own.uid === other.uid &&
    own.uid === other.euid &&
    own.uid === other.suid &&
    own.gid === other.gid &&
    own.gid === other.egid &&
    own.gid === other.sgid;
  return same || has(own, CAP.SYS_PTRACE);
}

/** Copies until one side ends or faults; the bytes copied. */
function copy(from: UserMemory, fromSpans: Span[], to: UserMemory, toSpans: Span[]): number {
  const buffer = new Uint8Array(CHUNK);
  let moved = 0;
  for (let f = fromSpans.shift(), t = toSpans.shift(); f && t; ) {
    const length = Math.min(f.len, t.len, CHUNK);
    const got = from.tryRead(userAddr(f.base), buffer.subarray(0, length));
    const put = to.tryWrite(userAddr(t.base), buffer.subarray(0, got));
    moved += put;
    if (put < length) return moved;
    advance(f, length);
    advance(t, length);
    if (f.len === 0) f = fromSpans.shift();
    if (t.len === 0) t = toSpans.shift();
  }
  return moved;
}

function advance(span: Span, by: number): void {
  span.base += by;
  span.len -= by;
}

const args = [
  arg('pid', int),
  arg('local_iov', addr),
  arg('liovcnt', ulong),
  arg('remote_iov', addr),
  arg('riovcnt', ulong),
  arg('flags', ulong),
] as const;

export const processVmCalls = [
  syscall(
    NR.process_vm_readv,
    'process_vm_readv',
    args,
    {},
    (task, pid, local, localCount, remote, remoteCount, flags) =>
      transfer(task, pid, { local, localCount, remote, remoteCount }, flags, 'read'),
  ),
  syscall(
    NR.process_vm_writev,
    'process_vm_writev',
    args,
    {},
    (task, pid, local, localCount, remote, remoteCount, flags) =>
      transfer(task, pid, { local, localCount, remote, remoteCount }, flags, 'write'),
  ),
];
