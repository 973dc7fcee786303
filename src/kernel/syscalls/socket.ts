/**
 * Sockets: socket(2), socketpair(2), bind(2), connect(2), listen(2), accept(2), getsockname(2),
 * getpeername(2), shutdown(2). Data is in socket-message.ts, options are in socket-options.ts.
 */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import {
  addressFamilies,
  SHUT_RDWR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_TYPE_MASK,
  shutdownHows,
  socketFlags,
  socketTypes,
} from '../../abi/socket.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { newSocket, newSocketPair } from '../net/new-socket.js';
import { READABLE, type Socket } from '../net/socket.js';
import { type Blocking, Failure, fail, type Outcome, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { block, ERR, HUP, IN, OUT, WOULD_BLOCK } from '../wait.js';
import { choice, choiceWithFlags, fd, flags, int, intOut, intsOut } from './codecs.js';
import { arg, syscall } from './declare.js';
import { newDescriptor, newDescriptorPair } from './new-descriptor.js';
import { socketAddress, socketAddressOut } from './socket-address.js';
import {
  callerOf,
  deadlineOf,
  mayWait,
  readAddress,
  requireSocket,
  unfinished,
  writeAddress,
} from './socket-arguments.js';
import { socketMessageCalls } from './socket-message.js';
import { socketOptionCalls } from './socket-options.js';

const NETWORK = { classes: ['network'] } as const;
const loopbackOnly = 'AF_UNIX; AF_INET and AF_INET6 on the loopback (TCP, UDP); NETLINK_ROUTE';
const socketType = choiceWithFlags(socketTypes, SOCK_TYPE_MASK, socketFlags);
const kind = [arg('domain', choice(addressFamilies)), arg('type', socketType), arg('protocol', int)] as const;
const nameIn = [arg('sockfd', fd), arg('addr', socketAddress('addrlen')), arg('addrlen', int)] as const;
const nameOut = [
  arg('sockfd', fd),
  arg('addr', socketAddressOut('addrlen')),
  arg('addrlen', intOut),
] as const;

export const socketCalls = [
  syscall(NR.socket, 'socket', kind, { ...NETWORK, support: 'partial', note: loopbackOnly }, socket),
  syscall(NR.socketpair, 'socketpair', [...kind, arg('sv', intsOut(2))], NETWORK, socketpair),
  syscall(NR.bind, 'bind', nameIn, NETWORK, (task, descriptor, at, length) => {
    const found = requireSocket(task, descriptor);
    return found.bind(callerOf(task), readAddress(task, at, length)) ?? 0;
  }),
  syscall(NR.connect, 'connect', nameIn, NETWORK, connect),
  syscall(
    NR.listen,
    'listen',
    [arg('sockfd', fd), arg('backlog', int)],
    NETWORK,
    (task, descriptor, backlog) => {
      return requireSocket(task, descriptor).listenFor(callerOf(task), backlog) ?? 0;
    },
  ),
  syscall(NR.accept, 'accept', nameOut, NETWORK, (task, descriptor, at, lengthAt) =>
    accept(task, descriptor, at, lengthAt, 0),
  ),
  syscall(NR.accept4, 'accept4', [...nameOut, arg('flags', flags(socketFlags))], NETWORK, accept),
  syscall(NR.getsockname, 'getsockname', nameOut, NETWORK, (task, descriptor, at, lengthAt) => {
    writeAddress(task, requireSocket(task, descriptor).localName(), at, lengthAt);
    return 0;
  }),
  syscall(NR.getpeername, 'getpeername', nameOut, NETWORK, (task, descriptor, at, lengthAt) => {
    const name = requireSocket(task, descriptor).peerName();
    if (!name) return fail(E.ENOTCONN);
    writeAddress(task, name, at, lengthAt);
    return 0;
  }),
  syscall(
    NR.shutdown,
    'shutdown',
    [arg('sockfd', fd), arg('how', choice(shutdownHows))],
    NETWORK,
    (task, descriptor, how) => {
      const found = requireSocket(task, descriptor);
      if (how < 0 || how > SHUT_RDWR) return fail(E.EINVAL);
      return found.shutdown(how) ?? 0;
    },
  ),
  ...socketOptionCalls,
  ...socketMessageCalls,
];

function hasOtherFlags(type: number): boolean {
  return (type & ~(SOCK_TYPE_MASK | SOCK_CLOEXEC | SOCK_NONBLOCK)) !== 0;
}

function socket(task: Task, family: number, type: number, protocol: number): Result {
  if (hasOtherFlags(type)) return fail(E.EINVAL);
  const wanted = { family, type: type & SOCK_TYPE_MASK, protocol };
  const made = newSocket(task.kernel, wanted, callerOf(task), type & SOCK_NONBLOCK);
  if (made instanceof Failure) return made;
  return newDescriptor(task, made, { closeOnExec: (type & SOCK_CLOEXEC) !== 0 });
}

function socketpair(task: Task, family: number, type: number, protocol: number, at: UserAddr): Result {
  if (hasOtherFlags(type)) return fail(E.EINVAL);
  const wanted = { family, type: type & SOCK_TYPE_MASK, protocol };
  const pair = newSocketPair(task.kernel, wanted, callerOf(task), type & SOCK_NONBLOCK);
  if (pair instanceof Failure) return pair;
  return newDescriptorPair(task, pair, {
    closeOnExec: (type & SOCK_CLOEXEC) !== 0,
    write(first, second) {
      task.memory.writeU32(at, first);
      task.memory.writeU32(userAddr(at + 4), second);
    },
  });
}

function connect(task: Task, descriptor: number, at: UserAddr, length: number): Result {
  const found = requireSocket(task, descriptor);
  const address = readAddress(task, at, length);
  const caller = callerOf(task);
  const attempt = () => found.tryConnect(caller, address);
  const first = attempt();
  if (first !== WOULD_BLOCK) return first;
  if (!mayWait(found, 0)) return fail(found.connectPending);
  return waitToConnect(task, found, attempt);
}

function* waitToConnect(
  task: Task,
  found: Socket,
  attempt: () => 0 | Failure | typeof WOULD_BLOCK,
): Blocking<Outcome> {
  const timeout = found.options.sendTimeoutNs;
  found.retain();
  try {
    const r = yield* block(found, OUT | HUP | ERR | IN, attempt, { deadlineNs: deadlineOf(task, timeout) });
    if (r !== 'timedOut' && r !== 'interrupted') return r;
    return unfinished(r, timeout, fail(found.connectPending === E.EAGAIN ? E.EAGAIN : E.EINPROGRESS));
  } finally {
    found.release();
  }
}

function accept(task: Task, descriptor: number, at: UserAddr, lengthAt: UserAddr, f: number): Result {
  if ((f & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) !== 0) return fail(E.EINVAL);
  const listener = requireSocket(task, descriptor);
  const attempt = () => listener.tryAccept(f & SOCK_NONBLOCK);
  const finish = (made: Socket | Failure): Outcome =>
    made instanceof Failure ? made : accepted(task, made, at, lengthAt, f);
  const first = attempt();
  if (first !== WOULD_BLOCK) return finish(first);
  if (!mayWait(listener, 0)) return fail(E.EAGAIN);
  return waitToAccept(task, listener, attempt, finish);
}

function* waitToAccept(
  task: Task,
  listener: Socket,
  attempt: () => Socket | Failure | typeof WOULD_BLOCK,
  finish: (made: Socket | Failure) => Outcome,
): Blocking<Outcome> {
  const timeout = listener.options.receiveTimeoutNs;
  listener.retain();
  try {
    const r = yield* block(listener, READABLE | HUP | ERR, attempt, {
      deadlineNs: deadlineOf(task, timeout),
    });
    return typeof r === 'string' ? unfinished(r, timeout, fail(E.EAGAIN)) : finish(r);
  } finally {
    listener.release();
  }
}

function accepted(task: Task, made: Socket, at: UserAddr, lengthAt: UserAddr, f: number): Outcome {
  if (at !== 0) {
    try {
      writeAddress(task, made.peerName() ?? new Uint8Array(0), at, lengthAt);
    } catch (e) {
      made.release();
      throw e;
    }
  }
  return newDescriptor(task, made, { closeOnExec: (f & SOCK_CLOEXEC) !== 0 });
}
