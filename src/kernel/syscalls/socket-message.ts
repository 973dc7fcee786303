/** send(2), recv(2), sendmsg(2), recvmsg(2) on Unix sockets, with SCM_RIGHTS and SCM_CREDENTIALS. */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { IOV_MAX, iovec, O_NONBLOCK, O_PATH } from '../../abi/open.js';
import {
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  messageFlags,
  msghdr,
  SO_PASSCRED,
  SOCK_DGRAM,
  SOCK_STREAM,
} from '../../abi/socket.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { CAP, has } from '../auth/credentials.js';
import type { FileDescription } from '../fs/file-description.js';
import { type Segment, userSinkVector, userSourceVector } from '../fs/user-io.js';
import { ControlWriter, parseControl, type SentControl } from '../ipc/control-messages.js';
import type { Sender, Taken } from '../ipc/message-queue.js';
import type { SendExtras, UnixSocket } from '../ipc/unix-socket.js';
import {
  type Blocking,
  Failure,
  fail,
  type Outcome,
  RESTART_IF_SA_RESTART,
  type Result,
  SyscallError,
} from '../outcome.js';
import type { Task } from '../task/task.js';
import { block, ERR, HUP, IN, OUT, WOULD_BLOCK } from '../wait.js';
import { brokenPipe } from './broken-pipe.js';
import { addr, fd, flags, inBuffer, outBuffer, size, structAt } from './codecs.js';
import { arg, type Declaration, syscall } from './declare.js';
import { newDescriptor } from './new-descriptor.js';
import { requireSocket, senderOf } from './socket-arguments.js';

/** Longest control buffer: net.core.optmem_max. */
const OPTMEM_MAX = 131_072;
const FLAGS_OFFSET = msghdr.offsets['flags'] ?? 0;
const NAMELEN_OFFSET = msghdr.offsets['namelen'] ?? 0;
const CONTROLLEN_OFFSET = msghdr.offsets['controllen'] ?? 0;

export const socketMessageCalls: Declaration[] = [
  syscall(
    NR.sendto,
    'sendto',
    [
      arg('sockfd', fd),
      arg('buf', inBuffer('len')),
      arg('len', size),
      arg('flags', flags(messageFlags)),
      arg('dest_addr', addr),
      arg('addrlen', size),
    ],
    { classes: ['network'] },
    (task, descriptor, at, length, f, name) => {
      const socket = requireSocket(task, descriptor);
      const unreachable = name === 0 ? undefined : namedSend(socket);
      const extras = { rights: [], sender: senderOf(task) };
      return unreachable ?? send(task, socket, [{ base: at, len: length }], f, extras);
    },
  ),
  syscall(
    NR.recvfrom,
    'recvfrom',
    [
      arg('sockfd', fd),
      arg('buf', outBuffer('len')),
      arg('len', size),
      arg('flags', flags(messageFlags)),
      arg('src_addr', addr),
      arg('addrlen', addr),
    ],
    { classes: ['network'] },
    (task, descriptor, at, length, f, name, nameLength) =>
      receive(task, requireSocket(task, descriptor), [{ base: at, len: length }], f, (taken) => {
        for (const file of taken?.rights ?? []) file.release();
        // The sender has no name.
        if (name !== 0 && nameLength !== 0) task.memory.writeU32(nameLength, 0);
        return lengthShown(taken, f);
      }),
  ),
  syscall(
    NR.sendmsg,
    'sendmsg',
    [arg('sockfd', fd), arg('msg', structAt(msghdr)), arg('flags', flags(messageFlags))],
    { classes: ['network'] },
    (task, descriptor, at, f) => {
      const socket = requireSocket(task, descriptor);
      const header = task.memory.readStruct(msghdr, at);
      const segments = readSegments(task, header.iov, header.iovlen);
      const unreachable = header.name === 0 || header.namelen === 0 ? undefined : namedSend(socket);
      if (unreachable) return unreachable;
      const control = readControl(task, header.control, header.controllen);
      const sender = claimedSender(task, control);
      return send(task, socket, segments, f, { rights: openRights(task, control), sender });
    },
  ),
  syscall(
    NR.recvmsg,
    'recvmsg',
    [arg('sockfd', fd), arg('msg', structAt(msghdr)), arg('flags', flags(messageFlags))],
    { classes: ['network'] },
    (task, descriptor, at, f) => {
      const socket = requireSocket(task, descriptor);
      const header = task.memory.readStruct(msghdr, at);
      const segments = readSegments(task, header.iov, header.iovlen);
      return receive(task, socket, segments, f, (taken) => {
        const control = writeControl(task, socket, header, taken, f);
        if (header.name !== 0) task.memory.writeU32(userAddr(at + NAMELEN_OFFSET), 0);
        const shown = (f & MSG_CMSG_CLOEXEC) | (taken?.truncated ? MSG_TRUNC : 0);
        task.memory.writeU32(userAddr(at + FLAGS_OFFSET), shown | (control.truncated ? MSG_CTRUNC : 0));
        task.memory.writeU64(userAddr(at + CONTROLLEN_OFFSET), control.bytes.length);
        return lengthShown(taken, f);
      });
    },
  ),
];

function namedSend(socket: UnixSocket): Failure | undefined {
  return fail(socket.type === SOCK_DGRAM ? E.ECONNREFUSED : socket.connected ? E.EISCONN : E.EOPNOTSUPP);
}

/** What a call to receive returns: with MSG_TRUNC the whole length of a datagram. */
function lengthShown(taken: Taken | undefined, f: number): number {
  if (!taken) return 0;
  return (f & MSG_TRUNC) !== 0 && taken.truncated ? taken.length : taken.count;
}

function readSegments(task: Task, at: number, count: number): Segment[] {
  if (count > IOV_MAX) throw new SyscallError(E.EMSGSIZE);
  return Array.from({ length: count }, (_, i) =>
    task.memory.readStruct(iovec, userAddr(at + i * iovec.size)),
  );
}

// --- Sending ---

function send(
  task: Task,
  socket: UnixSocket,
  segments: readonly Segment[],
  f: number,
  extras: SendExtras,
): Result {
  if ((f & MSG_OOB) !== 0) return settled(fail(E.EOPNOTSUPP), extras);
  let sent = 0;
  let carried = extras;
  const total = segments.reduce((sum, s) => sum + s.len, 0);
  const attempt = (): number | Failure | typeof WOULD_BLOCK => {
    const source = userSourceVector(task, segments);
    source.skip(sent);
    const n = socket.trySend(source, carried);
    if (typeof n !== 'number') return n instanceof Failure && sent > 0 ? sent : n;
    sent += n;
    carried = { rights: [], sender: extras.sender };
    return sent < total && socket.type === SOCK_STREAM && !source.faulted ? WOULD_BLOCK : sent;
  };
  const finish = (result: number | Failure): Outcome => {
    if (!(result instanceof Failure)) return result;
    const quiet = (f & MSG_NOSIGNAL) !== 0 || socket.type !== SOCK_STREAM;
    return settled(quiet ? result : brokenPipe(task, result), extras);
  };
  const first = attempt();
  if (first !== WOULD_BLOCK) return finish(first);
  if (!mayWait(socket, f)) return sent > 0 ? sent : settled(fail(E.EAGAIN), extras);
  return waitToSend(socket, attempt, finish, () => (sent > 0 ? sent : undefined), extras);
}

function* waitToSend(
  socket: UnixSocket,
  attempt: () => number | Failure | typeof WOULD_BLOCK,
  finish: (result: number | Failure) => Outcome,
  partial: () => number | undefined,
  extras: SendExtras,
): Blocking<Outcome> {
  socket.retain();
  try {
    const r = yield* block(socket, OUT | HUP | ERR, attempt);
    if (typeof r === 'number' || r instanceof Failure) return finish(r);
    return partial() ?? settled(RESTART_IF_SA_RESTART, extras);
  } finally {
    socket.release();
  }
}

/** Nothing was sent: the descriptors that would have travelled are given back. */
function settled(outcome: Outcome, extras: SendExtras): Outcome {
  for (const file of extras.rights) file.release();
  return outcome;
}

function readControl(task: Task, at: number, length: number): SentControl {
  if (at === 0 || length === 0) return { fds: [], claims: undefined };
  if (length > OPTMEM_MAX) throw new SyscallError(E.ENOBUFS);
  return parseControl(task.memory.readBytes(userAddr(at), length));
}

/** References to the descriptors that are sent. */
function openRights(task: Task, control: SentControl): FileDescription[] {
  const files = control.fds.map((n) => {
    const file = task.files.get(n);
    if (!file || (file.flags & O_PATH) !== 0) throw new SyscallError(E.EBADF);
    return file;
  });
  return files.map((file) => file.retain());
}

/** A sender may only claim to be itself, unless it has the capabilities to be another. */
function claimedSender(task: Task, { claims }: SentControl): Sender {
  const own = senderOf(task);
  if (!claims) return own;
  const { creds } = task;
  const uidOk = [creds.uid, creds.euid, creds.suid].includes(claims.uid) || has(creds, CAP.SETUID);
  const gidOk = [creds.gid, creds.egid, creds.sgid].includes(claims.gid) || has(creds, CAP.SETGID);
  const pidOk = claims.pid === own.pid || has(creds, CAP.SYS_ADMIN);
  if (!uidOk || !gidOk || !pidOk) throw new SyscallError(E.EPERM);
  return { pid: claims.pid, creds: { ...creds, uid: claims.uid, gid: claims.gid } };
}

// --- Receiving ---

type Received = Taken | 'end' | Failure;

function receive(
  task: Task,
  socket: UnixSocket,
  segments: readonly Segment[],
  f: number,
  finish: (taken: Taken | undefined) => Outcome,
): Result {
  if ((f & MSG_OOB) !== 0) return fail(socket.type === SOCK_STREAM ? E.EINVAL : E.EOPNOTSUPP);
  const wanted = segments.reduce((sum, s) => sum + s.len, 0);
  if (wanted === 0 && socket.type === SOCK_STREAM && (f & MSG_PEEK) === 0) return finish(undefined);
  const all = (f & MSG_WAITALL) !== 0 && (f & MSG_PEEK) === 0 && socket.type === SOCK_STREAM;
  let have: Taken | undefined;
  const attempt = (): Received | typeof WOULD_BLOCK => {
    const sink = userSinkVector(task, segments);
    sink.skip(have?.count ?? 0);
    const r = socket.tryReceive(sink, (f & MSG_PEEK) !== 0 ? 'peek' : 'consume');
    if (r === WOULD_BLOCK) return r;
    if (r === 'end' || r instanceof Failure) return have ?? r;
    have = have ? { ...r, count: have.count + r.count, rights: [...have.rights, ...r.rights] } : r;
    const more = all && have.count < wanted && r.rights.length === 0 && !sink.faulted;
    return more ? attempt() : have;
  };
  const first = attempt();
  if (first !== WOULD_BLOCK) return conclude(first, finish);
  if (!mayWait(socket, f)) return have ? finish(have) : fail(E.EAGAIN);
  return waitToReceive(socket, attempt, finish, () => have);
}

function* waitToReceive(
  socket: UnixSocket,
  attempt: () => Received | typeof WOULD_BLOCK,
  finish: (taken: Taken | undefined) => Outcome,
  partial: () => Taken | undefined,
): Blocking<Outcome> {
  socket.retain();
  try {
    const r = yield* block(socket, IN | HUP | ERR, attempt);
    if (r !== 'interrupted' && r !== 'timedOut') return conclude(r, finish);
    const have = partial();
    return have ? finish(have) : RESTART_IF_SA_RESTART;
  } finally {
    socket.release();
  }
}

function conclude(r: Received, finish: (taken: Taken | undefined) => Outcome): Outcome {
  if (r instanceof Failure) return r;
  return finish(r === 'end' ? undefined : r);
}

function mayWait(socket: UnixSocket, f: number): boolean {
  return (f & MSG_DONTWAIT) === 0 && (socket.flags & O_NONBLOCK) === 0;
}

/** Installs what came along and says so in the receiver's control buffer. */
function writeControl(
  task: Task,
  socket: UnixSocket,
  header: { control: number; controllen: number },
  taken: Taken | undefined,
  f: number,
): ControlWriter {
  const writer = new ControlWriter(header.control === 0 ? 0 : Math.min(header.controllen, OPTMEM_MAX));
  if (taken && socket.options.get(SO_PASSCRED) === 1) {
    const { pid, creds } = taken.sender;
    writer.addCredentials({ pid, uid: creds.uid, gid: creds.gid });
  }
  installRights(task, writer, taken?.rights ?? [], f);
  task.memory.write(userAddr(header.control) as UserAddr, writer.bytes);
  return writer;
}

function installRights(
  task: Task,
  writer: ControlWriter,
  rights: readonly FileDescription[],
  f: number,
): void {
  if (rights.length === 0) return;
  const room = writer.roomForFds;
  const installed: number[] = [];
  for (const file of rights) {
    const fits = installed.length < room;
    const n = fits ? newDescriptor(task, file, { closeOnExec: (f & MSG_CMSG_CLOEXEC) !== 0 }) : undefined;
    if (typeof n === 'number') installed.push(n);
    else writer.truncated = true;
    if (!fits) file.release();
  }
  if (installed.length > 0) writer.addFds(installed);
}
