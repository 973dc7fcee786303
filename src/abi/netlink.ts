/** netlink(7), rtnetlink(7): headers, message types, attributes. */
import { i32, struct, u8, u16, u32 } from './struct.js';

export const NETLINK_ROUTE = 0;

export const sockaddrNl = struct('sockaddr_nl', { family: u16, pad: u16, pid: u32, groups: u32 });
export const nlmsghdr = struct('nlmsghdr', { len: u32, type: u16, flags: u16, seq: u32, pid: u32 });
export const rtattr = struct('rtattr', { len: u16, type: u16 });
export const ifinfomsg = struct('ifinfomsg', {
  family: u8,
  pad: u8,
  type: u16,
  index: i32,
  flags: u32,
  change: u32,
});
export const ifaddrmsg = struct('ifaddrmsg', { family: u8, prefixlen: u8, flags: u8, scope: u8, index: u32 });
export const rtmsg = struct('rtmsg', {
  family: u8,
  dstLen: u8,
  srcLen: u8,
  tos: u8,
  table: u8,
  protocol: u8,
  scope: u8,
  type: u8,
  flags: u32,
});

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
/** Types below are about the protocol itself and are not answered. */
export const NLMSG_MIN_TYPE = 16;
export const NLM_F_REQUEST = 1;
export const NLM_F_MULTI = 2;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP = 0x300;

export const RTM_NEWLINK = 16;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_GETROUTE = 26;
export const RTM_GETNEIGH = 30;
export const RTM_GETRULE = 34;

export const IFLA_ADDRESS = 1;
export const IFLA_BROADCAST = 2;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
export const IFLA_QDISC = 6;
export const IFLA_STATS = 7;
export const IFLA_TXQLEN = 13;
export const IFLA_OPERSTATE = 16;
export const IFLA_LINKMODE = 17;

export const IFA_ADDRESS = 1;
export const IFA_LOCAL = 2;
export const IFA_LABEL = 3;
export const IFA_CACHEINFO = 6;
export const IFA_FLAGS = 8;
export const IFA_F_PERMANENT = 0x80;

export const RT_SCOPE_HOST = 254;
export const RT_TABLE_LOCAL = 255;
export const RTPROT_KERNEL = 2;
export const RTN_LOCAL = 2;
export const RTA_DST = 1;
export const RTA_OIF = 4;
export const RTA_PREFSRC = 7;
export const RTA_TABLE = 15;

export const NETLINK_ADD_MEMBERSHIP = 1;
export const NETLINK_DROP_MEMBERSHIP = 2;
export const NETLINK_PKTINFO = 3;
export const NETLINK_EXT_ACK = 11;
export const NETLINK_GET_STRICT_CHK = 12;
