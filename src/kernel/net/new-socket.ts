/** socket(2) and socketpair(2): which families, types and protocols there are, with Linux's errors. */
import { E } from '../../abi/errno.js';
import { IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE } from '../../abi/inet.js';
import { NETLINK_ROUTE } from '../../abi/netlink.js';
import { O_RDWR } from '../../abi/open.js';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_PACKET,
  AF_UNIX,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from '../../abi/socket.js';
import { CAP, has } from '../auth/credentials.js';
import { Failure, fail } from '../outcome.js';
import type { KernelServices } from '../services.js';
import { TcpSocket } from './inet/tcp-socket.js';
import { UdpSocket } from './inet/udp-socket.js';
import { NetlinkSocket } from './netlink/netlink-socket.js';
import { networkOf } from './network.js';
import type { Sender, Socket } from './socket.js';
import { UnixSocket } from './unix/unix-socket.js';

const HIGHEST_FAMILY = 45;
const HIGHEST_TYPE = 10;

export interface SocketKind {
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
}

/** `flags`: file status flags (O_NONBLOCK). */
export function newSocket(
  services: KernelServices,
  kind: SocketKind,
  creator: Sender,
  flags: number,
): Socket | Failure {
  const { family, type, protocol } = kind;
  const bad = badKind(kind);
  if (bad) return bad;
  switch (family) {
    case AF_UNIX: {
      const unix = unixType(kind);
      return unix instanceof Failure ? unix : new UnixSocket(services, unix, creator, O_RDWR | flags);
    }
    case AF_INET:
    case AF_INET6:
      if (!networkOf(services).hasInternet) return fail(E.EAFNOSUPPORT);
      return newInetSocket(services, kind, creator, O_RDWR | flags);
    case AF_NETLINK:
      if (type !== SOCK_RAW && type !== SOCK_DGRAM) return fail(E.ESOCKTNOSUPPORT);
      if (protocol !== NETLINK_ROUTE) return fail(E.EPROTONOSUPPORT);
      return new NetlinkSocket(services, type, protocol, creator, O_RDWR | flags);
    case AF_PACKET:
      return fail(has(creator.creds, CAP.NET_RAW) ? E.EAFNOSUPPORT : E.EPERM);
    default:
      return fail(E.EAFNOSUPPORT);
  }
}

export function newSocketPair(
  services: KernelServices,
  kind: SocketKind,
  creator: Sender,
  flags: number,
): [Socket, Socket] | Failure {
  const bad = badKind(kind);
  if (bad) return bad;
  if (kind.family === AF_UNIX) {
    const type = unixType(kind);
    return type instanceof Failure ? type : UnixSocket.pair(services, type, creator, flags);
  }
  const made = newSocket(services, kind, creator, flags);
  if (made instanceof Failure) return made;
  made.release();
  return fail(E.EOPNOTSUPP);
}

function badKind({ family, type }: SocketKind): Failure | undefined {
  if (family < 0 || family > HIGHEST_FAMILY) return fail(E.EAFNOSUPPORT);
  return type > HIGHEST_TYPE ? fail(E.EINVAL) : undefined;
}

/** Linux makes a SOCK_RAW Unix socket a datagram socket. */
function unixType({ type, protocol }: SocketKind): number | Failure {
  if (protocol !== 0 && protocol !== AF_UNIX) return fail(E.EPROTONOSUPPORT);
  if (type === SOCK_RAW) return SOCK_DGRAM;
  const known = type === SOCK_STREAM || type === SOCK_DGRAM || type === SOCK_SEQPACKET;
  return known ? type : fail(E.ESOCKTNOSUPPORT);
}

function newInetSocket(
  services: KernelServices,
  { family, type, protocol }: SocketKind,
  creator: Sender,
  flags: number,
): Socket | Failure {
  const is = (own: number): boolean => protocol === IPPROTO_IP || protocol === own;
  switch (type) {
    case SOCK_STREAM:
      return is(IPPROTO_TCP) ? new TcpSocket(services, family, creator, flags) : fail(E.EPROTONOSUPPORT);
    case SOCK_DGRAM:
      if (protocol === IPPROTO_UDPLITE) return new UdpSocket(services, family, creator, flags, protocol);
      return is(IPPROTO_UDP) ? new UdpSocket(services, family, creator, flags) : fail(E.EPROTONOSUPPORT);
    case SOCK_RAW:
      return fail(has(creator.creds, CAP.NET_RAW) ? E.EPROTONOSUPPORT : E.EPERM);
    default:
      return fail(E.ESOCKTNOSUPPORT);
  }
}
