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

export const SOL_SOCKET = 1;
export const socketLevels = { SOL_SOCKET } as const;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_PRIORITY = 12;
export const SO_LINGER = 13;
export const SO_PASSCRED = 16;
export const SO_PEERCRED = 17;
export const SO_RCVTIMEO = 20;
export const SO_SNDTIMEO = 21;
export const SO_ACCEPTCONN = 30;
export const SO_PROTOCOL = 38;
export const SO_DOMAIN = 39;
export const socketOptions = {
  SO_REUSEADDR,
  SO_TYPE,
  SO_ERROR,
  SO_SNDBUF,
  SO_RCVBUF,
  SO_KEEPALIVE,
  SO_PRIORITY,
  SO_LINGER,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_RCVTIMEO,
  SO_SNDTIMEO,
  SO_ACCEPTCONN,
  SO_PROTOCOL,
  SO_DOMAIN,
} as const;

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
