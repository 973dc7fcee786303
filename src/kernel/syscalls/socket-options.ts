/** getsockopt(2), setsockopt(2): the options of SOL_SOCKET here, those of protocols by the sockets themselves. */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import {
  linger,
  SO_ACCEPTCONN,
  SO_BINDTODEVICE,
  SO_DOMAIN,
  SO_ERROR,
  SO_LINGER,
  SO_PEERCRED,
  SO_PEERGROUPS,
  SO_PEERNAME,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_RCVTIMEO,
  SO_RCVTIMEO_NEW,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SO_SNDTIMEO,
  SO_SNDTIMEO_NEW,
  SO_TYPE,
  SOL_SOCKET,
  socketLevels,
  socketOptions,
  ucred,
} from '../../abi/socket.js';
import { timeval } from '../../abi/time.js';
import type { UserAddr } from '../../base/brand.js';
import { NS_PER_SEC } from '../../base/clock.js';
import { CAP, has } from '../auth/credentials.js';
import { intBytes } from '../net/kept-options.js';
import { LOOPBACK } from '../net/loopback.js';
import type { Socket } from '../net/socket.js';
import { Failure, fail, type Outcome } from '../outcome.js';
import type { Task } from '../task/task.js';
import { addr, choice, fd, int } from './codecs.js';
import { arg, syscall } from './declare.js';
import { callerOf, requireSocket } from './socket-arguments.js';

const NS_PER_US = 1000;
const US_PER_SEC = 1_000_000;
/** What a privileged program may ask for. */
const NO_LIMIT = 0x3fff_ffff;
/** Longest option value that is looked at. */
const VALUE_MAX = 4096;

const optionArguments = [
  arg('sockfd', fd),
  arg('level', choice(socketLevels)),
  arg('optname', choice(socketOptions)),
  arg('optval', addr),
] as const;

export const socketOptionCalls = [
  syscall(
    NR.getsockopt,
    'getsockopt',
    [...optionArguments, arg('optlen', addr)],
    { classes: ['network'] },
    getsockopt,
  ),
  syscall(
    NR.setsockopt,
    'setsockopt',
    [...optionArguments, arg('optlen', int)],
    { classes: ['network'], support: 'partial', note: 'no packet filters, no multicast groups' },
    setsockopt,
  ),
];

function getsockopt(
  task: Task,
  descriptor: number,
  level: number,
  option: number,
  at: UserAddr,
  lengthAt: UserAddr,
): Outcome {
  const socket = requireSocket(task, descriptor);
  const room = task.memory.readU32(lengthAt) | 0;
  if (room < 0) return fail(E.EINVAL);
  const value = level === SOL_SOCKET ? optionValue(socket, option, room) : socket.getOption(level, option);
  if (value instanceof Failure) return value;
  const shown = value.subarray(0, room);
  task.memory.write(at, shown);
  task.memory.writeU32(lengthAt, shown.length);
  return 0;
}

function optionValue(socket: Socket, option: number, room: number): Uint8Array | Failure {
  const number = numericOption(socket, option);
  if (number !== undefined) return intBytes(number);
  const { options } = socket;
  switch (option) {
    case SO_LINGER:
      return linger.encode({ onoff: options.linger.on ? 1 : 0, linger: options.linger.seconds });
    case SO_RCVTIMEO:
    case SO_RCVTIMEO_NEW:
      return timeoutBytes(options.receiveTimeoutNs);
    case SO_SNDTIMEO:
    case SO_SNDTIMEO_NEW:
      return timeoutBytes(options.sendTimeoutNs);
    case SO_PEERCRED: {
      const peer = socket.peerSender;
      return ucred.encode({
        pid: peer?.pid ?? 0,
        uid: peer?.creds.euid ?? 0xffff_ffff,
        gid: peer?.creds.egid ?? 0xffff_ffff,
      });
    }
    case SO_PEERGROUPS: {
      const groups = socket.peerSender?.creds.groups;
      if (!groups) return fail(E.ENODATA);
      const bytes = new Uint8Array(Uint32Array.from(groups).buffer);
      return bytes.length > room ? fail(E.ERANGE) : bytes;
    }
    case SO_PEERNAME: {
      const name = socket.peerName();
      if (!name) return fail(E.ENOTCONN);
      return name.length < room ? fail(E.EINVAL) : name;
    }
    case SO_BINDTODEVICE:
      return new Uint8Array(0);
    default:
      return fail(E.ENOPROTOOPT);
  }
}

function numericOption(socket: Socket, option: number): number | undefined {
  switch (option) {
    case SO_TYPE:
      return socket.type;
    case SO_DOMAIN:
      return socket.family;
    case SO_PROTOCOL:
      return socket.protocol;
    case SO_ACCEPTCONN:
      return socket.isListening ? 1 : 0;
    case SO_ERROR:
      return socket.takeError();
    case SO_SNDBUF:
      return socket.options.sendBuffer;
    case SO_RCVBUF:
      return socket.options.receiveBuffer;
    default:
      return socket.options.get(option);
  }
}

function setsockopt(
  task: Task,
  descriptor: number,
  level: number,
  option: number,
  at: UserAddr,
  length: number,
): Outcome {
  const socket = requireSocket(task, descriptor);
  if (length < 0) return fail(E.EINVAL);
  const bytes = task.memory.readBytes(at, Math.min(length, VALUE_MAX));
  const failed =
    level === SOL_SOCKET
      ? setOption(task, socket, option, bytes)
      : socket.setOption(callerOf(task), level, option, bytes);
  return failed ?? 0;
}

function setOption(task: Task, socket: Socket, option: number, bytes: Uint8Array): Failure | undefined {
  if (option === SO_BINDTODEVICE) return bindToDevice(bytes);
  if (bytes.length < 4) return fail(E.EINVAL);
  const { options } = socket;
  const value = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
  const forced = option === SO_SNDBUFFORCE || option === SO_RCVBUFFORCE;
  if (forced && !has(task.creds, CAP.NET_ADMIN)) return fail(E.EPERM);
  switch (option) {
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
      options.setSendBuffer(value, forced ? NO_LIMIT : undefined);
      break;
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
      options.setReceiveBuffer(value, forced ? NO_LIMIT : undefined);
      break;
    case SO_LINGER:
      if (bytes.length < linger.size) return fail(E.EINVAL);
      options.linger = { on: value !== 0, seconds: linger.decode(bytes).linger };
      break;
    case SO_RCVTIMEO:
    case SO_RCVTIMEO_NEW:
    case SO_SNDTIMEO:
    case SO_SNDTIMEO_NEW: {
      const timeout = timeoutOf(bytes);
      if (typeof timeout !== 'number') return timeout;
      if (option === SO_RCVTIMEO || option === SO_RCVTIMEO_NEW) options.receiveTimeoutNs = timeout;
      else options.sendTimeoutNs = timeout;
      break;
    }
    default:
      if (!options.set(option, value)) return fail(E.ENOPROTOOPT);
  }
  socket.optionsChanged();
  return undefined;
}

/** There is one interface, and everything goes through it. */
function bindToDevice(bytes: Uint8Array): Failure | undefined {
  const name = Buffer.from(bytes).toString('latin1').replace(/\0.*$/s, '');
  return name === '' || name === LOOPBACK.name ? undefined : fail(E.ENODEV);
}

/** Zero means no limit. */
function timeoutOf(bytes: Uint8Array): number | Failure {
  if (bytes.length < timeval.size) return fail(E.EINVAL);
  const { sec, usec } = timeval.decode(bytes);
  if (usec < 0 || usec >= US_PER_SEC) return fail(E.EDOM);
  if (sec < 0) return 0;
  const ns = sec * NS_PER_SEC + usec * NS_PER_US;
  return ns === 0 ? Number.POSITIVE_INFINITY : ns;
}

function timeoutBytes(timeoutNs: number): Uint8Array {
  const us = timeoutNs === Number.POSITIVE_INFINITY ? 0 : Math.floor(timeoutNs / NS_PER_US);
  return timeval.encode({ sec: Math.floor(us / US_PER_SEC), usec: us % US_PER_SEC });
}
