/**
 * Sending and receiving: sendto(2), sendmsg(2), sendmmsg(2), recvfrom(2), recvmsg(2), recvmmsg(2). What
 * waits and repeats is socket-transfer.ts, control messages are socket-control.ts.
 */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { IOV_MAX } from '../../abi/open.js';
import {
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_TRUNC,
  MSG_WAITFORONE,
  messageFlags,
  mmsghdr,
  msghdr,
  SOCKADDR_MAX,
} from '../../abi/socket.js';
import { timespec } from '../../abi/time.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import type { Segment } from '../fs/user-io.js';
import type { Incoming } from '../net/socket.js';
import { type Blocking, Failure, fail, type Outcome, type Result, SyscallError } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, fd, flags, inBuffer, outBuffer, size, structAt, uint } from './codecs.js';
import { arg, syscall } from './declare.js';
import { socketAddress } from './socket-address.js';
import { callerOf, readAddress, requireSocket, writeAddress } from './socket-arguments.js';
import { claimedSender, openRights, readControl, writeControl } from './socket-control.js';
import { receive, send } from './socket-transfer.js';
import { readIovec } from './transfer.js';
import { deadlineOfTimespec, writeTimespecLeft } from './wait-arguments.js';

const FLAGS_OFFSET = msghdr.offsets['flags'] ?? 0;
const NAMELEN_OFFSET = msghdr.offsets['namelen'] ?? 0;
const CONTROLLEN_OFFSET = msghdr.offsets['controllen'] ?? 0;
const MESSAGE_LENGTH_OFFSET = mmsghdr.offsets['len'] ?? 0;
const NETWORK = { classes: ['network'] } as const;
const f = arg('flags', flags(messageFlags));

export const socketMessageCalls = [
  syscall(
    NR.sendto,
    'sendto',
    [
      arg('sockfd', fd),
      arg('buf', inBuffer('len')),
      arg('len', size),
      f,
      arg('dest_addr', socketAddress('addrlen')),
      arg('addrlen', size),
    ],
    NETWORK,
    (task, descriptor, at, length, how, name, nameLength) => {
      const socket = requireSocket(task, descriptor);
      const to = name === 0 ? undefined : readAddress(task, name, nameLength | 0);
      const caller = callerOf(task);
      const segments = [buffer(task, at, length)];
      return send(task, socket, segments, { to, caller, sender: caller, rights: [], flags: how });
    },
  ),
  syscall(
    NR.recvfrom,
    'recvfrom',
    [
      arg('sockfd', fd),
      arg('buf', outBuffer('len')),
      arg('len', size),
      f,
      arg('src_addr', addr),
      arg('addrlen', addr),
    ],
    NETWORK,
    (task, descriptor, at, length, how, name, nameLength) =>
      receive(task, requireSocket(task, descriptor), [buffer(task, at, length)], how, (taken) => {
        for (const file of taken?.rights ?? []) file.release();
        if (name !== 0) writeAddress(task, taken?.from ?? new Uint8Array(0), name, nameLength);
        return lengthShown(taken, how);
      }),
  ),
  syscall(
    NR.sendmsg,
    'sendmsg',
    [arg('sockfd', fd), arg('msg', structAt(msghdr)), f],
    NETWORK,
    (task, descriptor, at, how) => sendMessage(task, descriptor, at, how),
  ),
  syscall(
    NR.recvmsg,
    'recvmsg',
    [arg('sockfd', fd), arg('msg', structAt(msghdr)), f],
    NETWORK,
    (task, descriptor, at, how) => receiveMessage(task, descriptor, at, how),
  ),
  syscall(
    NR.sendmmsg,
    'sendmmsg',
    [arg('sockfd', fd), arg('msgvec', addr), arg('vlen', uint), f],
    NETWORK,
    (task, descriptor, at, count, how) => {
      requireSocket(task, descriptor);
      return many(task, at, count, (one) => sendMessage(task, descriptor, one, how));
    },
  ),
  syscall(
    NR.recvmmsg,
    'recvmmsg',
    [arg('sockfd', fd), arg('msgvec', addr), arg('vlen', uint), f, arg('timeout', structAt(timespec))],
    NETWORK,
    receiveMany,
  ),
];

/** One guest buffer, whose address must be one. */
function buffer(task: Task, base: number, len: number): Segment {
  if (base + len > task.memory.limit) throw new SyscallError(E.EFAULT);
  return { base, len };
}

function sendMessage(task: Task, descriptor: number, at: UserAddr, how: number): Result {
  const socket = requireSocket(task, descriptor);
  const header = task.memory.readStruct(msghdr, at);
  const to =
    header.name === 0 || header.namelen === 0
      ? undefined
      : readAddress(task, userAddr(header.name), Math.min(header.namelen, SOCKADDR_MAX));
  const segments = segmentsOf(task, header);
  const control = readControl(task, header.control, header.controllen);
  const sender = claimedSender(task, control);
  const rights = openRights(task, control);
  return send(task, socket, segments, {
    to,
    caller: callerOf(task),
    sender,
    rights,
    control: control.others,
    flags: how,
  });
}

function receiveMessage(task: Task, descriptor: number, at: UserAddr, how: number): Result {
  const socket = requireSocket(task, descriptor);
  const header = task.memory.readStruct(msghdr, at);
  const segments = segmentsOf(task, header);
  return receive(task, socket, segments, how, (taken) => {
    const control = writeControl(task, socket, header, taken, how);
    if (header.name !== 0) {
      const from = taken?.from ?? new Uint8Array(0);
      task.memory.write(userAddr(header.name), from.subarray(0, Math.min(header.namelen, SOCKADDR_MAX)));
      task.memory.writeU32(userAddr(at + NAMELEN_OFFSET), from.length);
    }
    let shown = how & MSG_CMSG_CLOEXEC;
    if (taken?.truncated) shown |= MSG_TRUNC;
    if (control.truncated) shown |= MSG_CTRUNC;
    task.memory.writeU32(userAddr(at + FLAGS_OFFSET), shown);
    task.memory.writeU64(userAddr(at + CONTROLLEN_OFFSET), control.bytes.length);
    return lengthShown(taken, how);
  });
}

function segmentsOf(task: Task, header: { iov: number; iovlen: number }): Segment[] {
  if (header.iovlen > IOV_MAX) throw new SyscallError(E.EMSGSIZE);
  return readIovec(task, userAddr(header.iov), header.iovlen);
}

/** What a call to receive returns: with MSG_TRUNC the whole length of a datagram. */
function lengthShown(taken: Incoming | undefined, how: number): number {
  if (!taken) return 0;
  return (how & MSG_TRUNC) !== 0 && taken.truncated ? taken.length : taken.count;
}

// --- Several at a time ---

/** Repeats a call over an array of messages; what went well before a failure counts. */
function* many(
  task: Task,
  at: UserAddr,
  count: number,
  one: (at: UserAddr, done: number) => Result | undefined,
): Blocking<Outcome> {
  let done = 0;
  while (done < Math.min(count, IOV_MAX)) {
    const entry = at + done * mmsghdr.size;
    let outcome: Outcome | undefined;
    try {
      const result = one(userAddr(entry), done);
      if (result === undefined) break;
      outcome = typeof result === 'object' && 'next' in result ? yield* result : result;
    } catch (e) {
      if (!(e instanceof SyscallError)) throw e;
      outcome = fail(e.errno);
    }
    if (typeof outcome !== 'number') return done > 0 ? done : outcome;
    task.memory.writeU32(userAddr(entry + MESSAGE_LENGTH_OFFSET), outcome);
    done++;
  }
  return done;
}

/** The timeout is looked at between messages only, as in Linux. */
function* receiveMany(
  task: Task,
  descriptor: number,
  at: UserAddr,
  count: number,
  how: number,
  timeout: UserAddr,
): Blocking<Outcome> {
  const socket = requireSocket(task, descriptor);
  const deadline = deadlineOfTimespec(task, timeout);
  const error = socket.takeError();
  if (error !== 0) return fail(error);
  const got = yield* many(task, at, count, (one, done) => {
    if (done > 0 && task.kernel.clock.monotonic() >= deadline) return undefined;
    const later = done > 0 && (how & MSG_WAITFORONE) !== 0 ? MSG_DONTWAIT : 0;
    return receiveMessage(task, descriptor, one, (how & ~MSG_WAITFORONE) | later);
  });
  if (!(got instanceof Failure)) writeTimespecLeft(task, timeout, deadline);
  return got;
}
