/**
 * Sockets: socketpair(2), shutdown(2), getsockopt(2), and the names of sockets. Sending and receiving
 * is in socket-message.ts. There are only Unix sockets made in pairs: nothing else can be opened.
 */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  addressFamilies,
  SHUT_RDWR,
  SO_ACCEPTCONN,
  SO_DOMAIN,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_PRIORITY,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_SNDBUF,
  SO_SNDTIMEO,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOCK_TYPE_MASK,
  SOL_SOCKET,
  shutdownHows,
  socketFlags,
  socketLevels,
  socketOptions,
  socketTypes,
  ucred,
} from '../../abi/socket.js';
import { timeval } from '../../abi/time.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { DEFAULT_BUFFER, UnixSocket } from '../ipc/unix-socket.js';
import { type Failure, fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, choice, choiceWithFlags, fd, int, intOut, intsOut } from './codecs.js';
import { arg, type Declaration, syscall } from './declare.js';
import { newDescriptorPair } from './new-descriptor.js';
import { requireSocket, senderOf, writeUnnamed } from './socket-arguments.js';
import { socketMessageCalls } from './socket-message.js';

const HIGHEST_FAMILY = 45;
const HIGHEST_TYPE = 10;
/** Families whose sockets do not come in pairs. */
const UNPAIRED: readonly number[] = [AF_INET, AF_INET6, AF_NETLINK];
const noSockets = 'sockets come in connected pairs only (socketpair): no names, no networks';

const socketType = choiceWithFlags(socketTypes, SOCK_TYPE_MASK, socketFlags);

export const socketCalls: Declaration[] = [
  syscall(
    NR.socket,
    'socket',
    [arg('domain', choice(addressFamilies)), arg('type', socketType), arg('protocol', int)],
    { classes: ['network'], support: 'none', note: `EAFNOSUPPORT: ${noSockets}` },
    (_task, domain, type) => badType(domain, type) ?? fail(E.EAFNOSUPPORT),
  ),
  syscall(
    NR.socketpair,
    'socketpair',
    [
      arg('domain', choice(addressFamilies)),
      arg('type', socketType),
      arg('protocol', int),
      arg('sv', intsOut(2)),
    ],
    { classes: ['network'] },
    socketpair,
  ),
  syscall(
    NR.bind,
    'bind',
    [arg('sockfd', fd), arg('addr', addr), arg('addrlen', int)],
    { classes: ['network'], support: 'none', note: `EOPNOTSUPP: ${noSockets}` },
    (task, descriptor) => {
      requireSocket(task, descriptor);
      return fail(E.EOPNOTSUPP);
    },
  ),
  syscall(
    NR.connect,
    'connect',
    [arg('sockfd', fd), arg('addr', addr), arg('addrlen', int)],
    { classes: ['network'], support: 'partial', note: noSockets },
    (task, descriptor) =>
      fail(requireSocket(task, descriptor).type === SOCK_DGRAM ? E.ECONNREFUSED : E.EISCONN),
  ),
  syscall(
    NR.listen,
    'listen',
    [arg('sockfd', fd), arg('backlog', int)],
    { classes: ['network'], support: 'partial', note: noSockets },
    (task, descriptor) => fail(requireSocket(task, descriptor).type === SOCK_DGRAM ? E.EOPNOTSUPP : E.EINVAL),
  ),
  syscall(
    NR.accept,
    'accept',
    [arg('sockfd', fd), arg('addr', addr), arg('addrlen', addr)],
    { classes: ['network'], support: 'partial', note: noSockets },
    accept,
  ),
  syscall(
    NR.accept4,
    'accept4',
    [arg('sockfd', fd), arg('addr', addr), arg('addrlen', addr), arg('flags', int)],
    { classes: ['network'], support: 'partial', note: noSockets },
    accept,
  ),
  syscall(
    NR.getsockname,
    'getsockname',
    [arg('sockfd', fd), arg('addr', addr), arg('addrlen', intOut)],
    { classes: ['network'] },
    (task, descriptor, at, lengthAt) => {
      requireSocket(task, descriptor);
      return writeUnnamed(task, at, lengthAt);
    },
  ),
  syscall(
    NR.getpeername,
    'getpeername',
    [arg('sockfd', fd), arg('addr', addr), arg('addrlen', intOut)],
    { classes: ['network'] },
    (task, descriptor, at, lengthAt) =>
      requireSocket(task, descriptor).connected ? writeUnnamed(task, at, lengthAt) : fail(E.ENOTCONN),
  ),
  syscall(
    NR.shutdown,
    'shutdown',
    [arg('sockfd', fd), arg('how', choice(shutdownHows))],
    { classes: ['network'] },
    (task, descriptor, how) => {
      const socket = requireSocket(task, descriptor);
      if (how < 0 || how > SHUT_RDWR) return fail(E.EINVAL);
      return socket.shutdown(how) ?? 0;
    },
  ),
  syscall(
    NR.getsockopt,
    'getsockopt',
    [
      arg('sockfd', fd),
      arg('level', choice(socketLevels)),
      arg('optname', choice(socketOptions)),
      arg('optval', addr),
      arg('optlen', addr),
    ],
    { classes: ['network'] },
    getsockopt,
  ),
  syscall(
    NR.setsockopt,
    'setsockopt',
    [
      arg('sockfd', fd),
      arg('level', choice(socketLevels)),
      arg('optname', choice(socketOptions)),
      arg('optval', addr),
      arg('optlen', int),
    ],
    { classes: ['network'], support: 'partial', note: 'buffer sizes are kept; SO_RCVTIMEO, SO_SNDTIMEO: no' },
    setsockopt,
  ),
  ...socketMessageCalls,
];

function badType(domain: number, type: number): Failure | undefined {
  const extra = type & ~SOCK_TYPE_MASK;
  if ((extra & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) !== 0) return fail(E.EINVAL);
  if (domain < 0 || domain > HIGHEST_FAMILY) return fail(E.EAFNOSUPPORT);
  return (type & SOCK_TYPE_MASK) > HIGHEST_TYPE ? fail(E.EINVAL) : undefined;
}

function socketpair(task: Task, domain: number, type: number, protocol: number, at: UserAddr): Result {
  const bad = badType(domain, type);
  if (bad) return bad;
  if (domain !== AF_UNIX) return fail(UNPAIRED.includes(domain) ? E.EOPNOTSUPP : E.EAFNOSUPPORT);
  if (protocol !== 0 && protocol !== AF_UNIX) return fail(E.EPROTONOSUPPORT);
  const kind = unixType(type & SOCK_TYPE_MASK);
  if (kind === undefined) return fail(E.ESOCKTNOSUPPORT);
  const pair = UnixSocket.pair(task.kernel, kind, senderOf(task), type & SOCK_NONBLOCK);
  return newDescriptorPair(task, pair, {
    closeOnExec: (type & SOCK_CLOEXEC) !== 0,
    write(first, second) {
      task.memory.writeU32(at, first);
      task.memory.writeU32(userAddr(at + 4), second);
    },
  });
}

/** Linux makes a SOCK_RAW Unix socket a datagram socket. */
function unixType(type: number): number | undefined {
  if (type === SOCK_RAW) return SOCK_DGRAM;
  return type === SOCK_STREAM || type === SOCK_DGRAM || type === SOCK_SEQPACKET ? type : undefined;
}

/** Nobody listens, so nothing can be accepted. */
function accept(task: Task, descriptor: number): Failure {
  return fail(requireSocket(task, descriptor).type === SOCK_DGRAM ? E.EOPNOTSUPP : E.EINVAL);
}

// --- Options ---

const KEPT: readonly number[] = [SO_REUSEADDR, SO_KEEPALIVE, SO_PRIORITY, SO_PASSCRED];
/** net.core.wmem_max; what is asked for is doubled, and no less than this. */
const LARGEST_BUFFER = 212_992;
const SMALLEST_BUFFER = 2304;

function optionValue(socket: UnixSocket, option: number): Uint8Array | undefined {
  const number = numericOption(socket, option);
  if (number !== undefined) return new Uint8Array(Int32Array.of(number).buffer);
  switch (option) {
    case SO_LINGER:
      return new Uint8Array(8);
    case SO_RCVTIMEO:
    case SO_SNDTIMEO:
      return new Uint8Array(timeval.size);
    case SO_PEERCRED: {
      const { pid, creds } = socket.creator;
      return ucred.encode({ pid, uid: creds.euid, gid: creds.egid });
    }
    default:
      return undefined;
  }
}

function numericOption(socket: UnixSocket, option: number): number | undefined {
  switch (option) {
    case SO_TYPE:
      return socket.type;
    case SO_DOMAIN:
      return AF_UNIX;
    case SO_PROTOCOL:
    case SO_ACCEPTCONN:
      return 0;
    case SO_ERROR:
      return socket.takeError();
    case SO_SNDBUF:
      return socket.sendBuffer;
    case SO_RCVBUF:
      return socket.options.get(SO_RCVBUF) ?? DEFAULT_BUFFER;
    default:
      return KEPT.includes(option) ? (socket.options.get(option) ?? 0) : undefined;
  }
}

function getsockopt(
  task: Task,
  descriptor: number,
  level: number,
  option: number,
  at: UserAddr,
  lengthAt: UserAddr,
): Result {
  const socket = requireSocket(task, descriptor);
  if (level !== SOL_SOCKET) return fail(E.EOPNOTSUPP);
  const room = task.memory.readU32(lengthAt) | 0;
  if (room < 0) return fail(E.EINVAL);
  const value = optionValue(socket, option);
  if (!value) return fail(E.ENOPROTOOPT);
  const shown = value.subarray(0, room);
  task.memory.write(at, shown);
  task.memory.writeU32(lengthAt, shown.length);
  return 0;
}

function setsockopt(
  task: Task,
  descriptor: number,
  level: number,
  option: number,
  at: UserAddr,
  length: number,
): Result {
  const socket = requireSocket(task, descriptor);
  if (length < 0) return fail(E.EINVAL);
  if (level !== SOL_SOCKET) return fail(E.EOPNOTSUPP);
  if (length < 4) return fail(E.EINVAL);
  const value = task.memory.readU32(at) | 0;
  if (option === SO_SNDBUF) socket.sendBuffer = bufferSize(value);
  else if (option === SO_RCVBUF) socket.options.set(SO_RCVBUF, bufferSize(value));
  else if (option === SO_PRIORITY) socket.options.set(option, value);
  else if (KEPT.includes(option)) socket.options.set(option, value !== 0 ? 1 : 0);
  else return fail(E.ENOPROTOOPT);
  return 0;
}

function bufferSize(asked: number): number {
  return Math.max(SMALLEST_BUFFER, 2 * Math.min(asked >>> 0, LARGEST_BUFFER));
}
