/** socket(2), send(2), recv(2), setsockopt(2): address families, types, flags, options, struct msghdr. */
import { i32, ptr, struct, u32, u64 } from './struct.js';

export const AF_UNSPEC = 0;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const AF_VSOCK = 40;
export const addressFamilies = {
  AF_UNSPEC,
  AF_UNIX,
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_PACKET,
  AF_VSOCK,
} as const;

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const SOCK_TYPE_MASK = 0xf;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const socketTypes = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET } as const;
export const socketFlags = { SOCK_NONBLOCK, SOCK_CLOEXEC } as const;

export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;
export const shutdownHows = { SHUT_RD, SHUT_WR, SHUT_RDWR } as const;

export const MSG_OOB = 0x1;
export const MSG_PEEK = 0x2;
export const MSG_CTRUNC = 0x8;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_EOR = 0x80;
export const MSG_WAITALL = 0x100;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_MORE = 0x8000;
export const MSG_WAITFORONE = 0x1_0000;
export const MSG_CMSG_CLOEXEC = 0x4000_0000;
export const messageFlags = {
  MSG_OOB,
  MSG_PEEK,
  MSG_CTRUNC,
  MSG_TRUNC,
  MSG_DONTWAIT,
  MSG_EOR,
  MSG_WAITALL,
  MSG_NOSIGNAL,
  MSG_MORE,
  MSG_WAITFORONE,
  MSG_CMSG_CLOEXEC,
} as const;

export const SOL_IP = 0;
export const SOL_SOCKET = 1;
export const SOL_TCP = 6;
export const SOL_UDP = 17;
export const SOL_IPV6 = 41;
export const SOL_NETLINK = 270;
export const socketLevels = { SOL_SOCKET, SOL_IP, SOL_TCP, SOL_UDP, SOL_IPV6, SOL_NETLINK } as const;
export const SO_DEBUG = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_DONTROUTE = 5;
export const SO_BROADCAST = 6;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_OOBINLINE = 10;
export const SO_NO_CHECK = 11;
export const SO_PRIORITY = 12;
export const SO_LINGER = 13;
export const SO_BSDCOMPAT = 14;
export const SO_REUSEPORT = 15;
export const SO_PASSCRED = 16;
export const SO_PEERCRED = 17;
export const SO_RCVLOWAT = 18;
export const SO_SNDLOWAT = 19;
export const SO_RCVTIMEO = 20;
export const SO_SNDTIMEO = 21;
export const SO_BINDTODEVICE = 25;
export const SO_ATTACH_FILTER = 26;
export const SO_DETACH_FILTER = 27;
export const SO_PEERNAME = 28;
export const SO_TIMESTAMP = 29;
export const SO_ACCEPTCONN = 30;
export const SO_PEERSEC = 31;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_PASSSEC = 34;
export const SO_TIMESTAMPNS = 35;
export const SO_MARK = 36;
export const SO_PROTOCOL = 38;
export const SO_DOMAIN = 39;
export const SO_RXQ_OVFL = 40;
export const SO_INCOMING_CPU = 49;
export const SO_PEERGROUPS = 59;
export const SO_ZEROCOPY = 60;
export const SO_RCVTIMEO_NEW = 66;
export const SO_SNDTIMEO_NEW = 67;
export const socketOptions = {
  SO_DEBUG,
  SO_REUSEADDR,
  SO_TYPE,
  SO_ERROR,
  SO_DONTROUTE,
  SO_BROADCAST,
  SO_SNDBUF,
  SO_RCVBUF,
  SO_KEEPALIVE,
  SO_OOBINLINE,
  SO_NO_CHECK,
  SO_PRIORITY,
  SO_LINGER,
  SO_BSDCOMPAT,
  SO_REUSEPORT,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_RCVLOWAT,
  SO_SNDLOWAT,
  SO_RCVTIMEO,
  SO_SNDTIMEO,
  SO_BINDTODEVICE,
  SO_ATTACH_FILTER,
  SO_DETACH_FILTER,
  SO_PEERNAME,
  SO_TIMESTAMP,
  SO_ACCEPTCONN,
  SO_PEERSEC,
  SO_SNDBUFFORCE,
  SO_RCVBUFFORCE,
  SO_PASSSEC,
  SO_TIMESTAMPNS,
  SO_MARK,
  SO_PROTOCOL,
  SO_DOMAIN,
  SO_RXQ_OVFL,
  SO_INCOMING_CPU,
  SO_PEERGROUPS,
  SO_ZEROCOPY,
  SO_RCVTIMEO_NEW,
  SO_SNDTIMEO_NEW,
} as const;
export const linger = struct('linger', { onoff: i32, linger: i32 });

/** The longest socket address: struct sockaddr_storage. */
export const SOCKADDR_MAX = 128;
/** struct sockaddr_un: where the path begins, and the whole. */
export const UNIX_PATH_OFFSET = 2;
export const SOCKADDR_UN_SIZE = 110;

/** Control messages, cmsg(3): SCM_RIGHTS holds ints, SCM_CREDENTIALS a struct ucred. */
export const SCM_RIGHTS = 1;
export const SCM_CREDENTIALS = 2;
export const cmsghdr = struct('cmsghdr', { len: u64, level: i32, type: i32 });
export const ucred = struct('ucred', { pid: i32, uid: u32, gid: u32 });
export const msghdr = struct('msghdr', {
  name: ptr,
  namelen: u32,
  iov: ptr,
  iovlen: u64,
  control: ptr,
  controllen: u64,
  flags: i32,
});
export const mmsghdr = struct('mmsghdr', { hdr: msghdr, len: u32 });
