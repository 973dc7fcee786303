/**
 * Options of the levels IP, IPv6, TCP and UDP, ip(7), ipv6(7), tcp(7), udp(7): what is kept, with Linux's
 * defaults and limits.
 */
import {
  IP_ADD_MEMBERSHIP,
  IP_BIND_ADDRESS_NO_PORT,
  IP_DROP_MEMBERSHIP,
  IP_FREEBIND,
  IP_MTU,
  IP_MTU_DISCOVER,
  IP_MULTICAST_ALL,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_PKTINFO,
  IP_PMTUDISC_WANT,
  IP_RECVERR,
  IP_RECVOPTS,
  IP_RECVORIGDSTADDR,
  IP_RECVTOS,
  IP_RECVTTL,
  IP_TOS,
  IP_TRANSPARENT,
  IP_TTL,
  IPV6_AUTOFLOWLABEL,
  IPV6_DONTFRAG,
  IPV6_JOIN_GROUP,
  IPV6_LEAVE_GROUP,
  IPV6_MTU,
  IPV6_MTU_DISCOVER,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  IPV6_RECVERR,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  TCP_CORK,
  TCP_DEFER_ACCEPT,
  TCP_FASTOPEN,
  TCP_FASTOPEN_CONNECT,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_LINGER2,
  TCP_NODELAY,
  TCP_NOTSENT_LOWAT,
  TCP_QUICKACK,
  TCP_SYNCNT,
  TCP_THIN_LINEAR_TIMEOUTS,
  TCP_TIMESTAMP,
  TCP_USER_TIMEOUT,
  TCP_WINDOW_CLAMP,
  UDP_CORK,
  UDPLITE_RECV_CSCOV,
  UDPLITE_SEND_CSCOV,
} from '../../../abi/inet.js';
import type { KeptOption, OptionTable } from '../kept-options.js';
import { LOOPBACK } from '../loopback.js';

const on: KeptOption = { initial: 1, flag: true };
const off: KeptOption = { initial: 0, flag: true };
const hops: KeptOption = { initial: 64, min: 1, max: 255 };
const SECONDS_MAX = 32_767;

export const ipOptions: OptionTable = new Map<number, KeptOption>([
  [IP_TOS, { initial: 0, min: 0, max: 255 }],
  [IP_TTL, hops],
  [IP_RECVOPTS, off],
  [IP_PKTINFO, off],
  [IP_MTU_DISCOVER, { initial: IP_PMTUDISC_WANT, min: 0, max: 5 }],
  [IP_RECVERR, off],
  [IP_RECVTTL, off],
  [IP_RECVTOS, off],
  [IP_MTU, { initial: LOOPBACK.mtu - 1, readOnly: true }],
  [IP_FREEBIND, off],
  [IP_TRANSPARENT, off],
  [IP_RECVORIGDSTADDR, off],
  [IP_BIND_ADDRESS_NO_PORT, off],
  [IP_MULTICAST_TTL, { initial: 1, min: 0, max: 255 }],
  [IP_MULTICAST_LOOP, on],
  [IP_MULTICAST_ALL, on],
  [IP_MULTICAST_IF, { initial: 0 }],
]);

export const ipv6Options: OptionTable = new Map<number, KeptOption>([
  [IPV6_UNICAST_HOPS, { initial: 64, min: -1, max: 255 }],
  [IPV6_MULTICAST_HOPS, { initial: 1, min: -1, max: 255 }],
  [IPV6_MULTICAST_LOOP, on],
  [IPV6_MULTICAST_IF, { initial: 0 }],
  [IPV6_MTU_DISCOVER, { initial: 1, min: 0, max: 5 }],
  [IPV6_MTU, { initial: LOOPBACK.mtu }],
  [IPV6_RECVERR, off],
  [IPV6_V6ONLY, off],
  [IPV6_RECVPKTINFO, off],
  [IPV6_RECVHOPLIMIT, off],
  [IPV6_RECVTCLASS, off],
  [IPV6_TCLASS, { initial: 0, min: -1, max: 255 }],
  [IPV6_DONTFRAG, off],
  [IPV6_AUTOFLOWLABEL, off],
]);

export const tcpOptions: OptionTable = new Map<number, KeptOption>([
  [TCP_NODELAY, off],
  [TCP_CORK, off],
  [TCP_KEEPIDLE, { initial: 7200, min: 1, max: SECONDS_MAX }],
  [TCP_KEEPINTVL, { initial: 75, min: 1, max: SECONDS_MAX }],
  [TCP_KEEPCNT, { initial: 9, min: 1, max: 127 }],
  [TCP_SYNCNT, { initial: 6, min: 1, max: 127 }],
  [TCP_LINGER2, { initial: 60 }],
  [TCP_DEFER_ACCEPT, { initial: 0 }],
  [TCP_WINDOW_CLAMP, { initial: 0 }],
  [TCP_QUICKACK, on],
  [TCP_THIN_LINEAR_TIMEOUTS, off],
  [TCP_USER_TIMEOUT, { initial: 0, min: 0 }],
  [TCP_FASTOPEN, { initial: 0, min: 0 }],
  [TCP_TIMESTAMP, { initial: 0 }],
  [TCP_NOTSENT_LOWAT, { initial: 0 }],
  [TCP_FASTOPEN_CONNECT, off],
]);

export const udpOptions: OptionTable = new Map<number, KeptOption>([[UDP_CORK, off]]);

/** UDP-Lite: how much of a datagram the checksum covers, which nothing can break here. */
export const udpliteOptions: OptionTable = new Map<number, KeptOption>([
  [UDP_CORK, off],
  [UDPLITE_SEND_CSCOV, { initial: 0 }],
  [UDPLITE_RECV_CSCOV, { initial: 0 }],
]);

/** Joining groups: there is no interface that takes part in any (ENODEV). */
export const IP_GROUP_OPTIONS: readonly number[] = [IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP];
export const IPV6_GROUP_OPTIONS: readonly number[] = [IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP];
