/** ip(7), ipv6(7), tcp(7), udp(7), netdevice(7): protocols, addresses, options, interface requests. */
import { bytes, i32, struct, u8, u16, u32 } from './struct.js';

export const IPPROTO_IP = 0;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_UDPLITE = 136;

/** Ports and IPv4 addresses are big endian; they are kept as bytes here. */
export const sockaddrIn = struct('sockaddr_in', {
  family: u16,
  port: bytes(2),
  addr: bytes(4),
  zero: bytes(8),
});
export const sockaddrIn6 = struct('sockaddr_in6', {
  family: u16,
  port: bytes(2),
  flowinfo: u32,
  addr: bytes(16),
  scopeId: u32,
});
/** What RFC 2133 had: without a scope. */
export const SOCKADDR_IN6_OLD_SIZE = 24;

// --- Options of IP ---

export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_OPTIONS = 4;
export const IP_RECVOPTS = 6;
export const IP_PKTINFO = 8;
export const IP_MTU_DISCOVER = 10;
export const IP_RECVERR = 11;
export const IP_RECVTTL = 12;
export const IP_RECVTOS = 13;
export const IP_MTU = 14;
export const IP_FREEBIND = 15;
export const IP_TRANSPARENT = 19;
export const IP_RECVORIGDSTADDR = 20;
export const IP_BIND_ADDRESS_NO_PORT = 24;
export const IP_MULTICAST_IF = 32;
export const IP_MULTICAST_TTL = 33;
export const IP_MULTICAST_LOOP = 34;
export const IP_ADD_MEMBERSHIP = 35;
export const IP_DROP_MEMBERSHIP = 36;
export const IP_MULTICAST_ALL = 49;
export const IP_PMTUDISC_WANT = 1;

export const IPV6_UNICAST_HOPS = 16;
export const IPV6_MULTICAST_IF = 17;
export const IPV6_MULTICAST_HOPS = 18;
export const IPV6_MULTICAST_LOOP = 19;
export const IPV6_JOIN_GROUP = 20;
export const IPV6_LEAVE_GROUP = 21;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_MTU = 24;
export const IPV6_RECVERR = 25;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_RECVHOPLIMIT = 51;
export const IPV6_HOPLIMIT = 52;
export const IPV6_DONTFRAG = 62;
export const IPV6_RECVTCLASS = 66;
export const IPV6_TCLASS = 67;
export const IPV6_AUTOFLOWLABEL = 70;

// --- Options of TCP and UDP ---

export const TCP_NODELAY = 1;
export const TCP_MAXSEG = 2;
export const TCP_CORK = 3;
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_KEEPCNT = 6;
export const TCP_SYNCNT = 7;
export const TCP_LINGER2 = 8;
export const TCP_DEFER_ACCEPT = 9;
export const TCP_WINDOW_CLAMP = 10;
export const TCP_INFO = 11;
export const TCP_QUICKACK = 12;
export const TCP_CONGESTION = 13;
export const TCP_THIN_LINEAR_TIMEOUTS = 16;
export const TCP_USER_TIMEOUT = 18;
export const TCP_FASTOPEN = 23;
export const TCP_TIMESTAMP = 24;
export const TCP_NOTSENT_LOWAT = 25;
export const TCP_FASTOPEN_CONNECT = 30;
export const UDP_CORK = 1;
export const UDPLITE_SEND_CSCOV = 10;
export const UDPLITE_RECV_CSCOV = 11;

/** States as /proc/net/tcp and TCP_INFO show them. */
export const TCP_STATE = {
  ESTABLISHED: 1,
  SYN_SENT: 2,
  FIN_WAIT1: 4,
  FIN_WAIT2: 5,
  CLOSE: 7,
  CLOSE_WAIT: 8,
  LAST_ACK: 9,
  LISTEN: 10,
  CLOSING: 11,
} as const;

// --- netdevice(7) ---

export const SIOCGIFNAME = 0x8910;
export const SIOCGIFCONF = 0x8912;
export const SIOCGIFFLAGS = 0x8913;
export const SIOCGIFADDR = 0x8915;
export const SIOCGIFDSTADDR = 0x8917;
export const SIOCGIFBRDADDR = 0x8919;
export const SIOCGIFNETMASK = 0x891b;
export const SIOCGIFMETRIC = 0x891d;
export const SIOCGIFMTU = 0x8921;
export const SIOCGIFHWADDR = 0x8927;
export const SIOCGIFINDEX = 0x8933;
export const SIOCGIFTXQLEN = 0x8942;
export const SIOCETHTOOL = 0x8946;
export const SIOCGIFMAP = 0x8970;
/** Requests between these are about interfaces. */
export const SIOCGIF_FIRST = 0x8910;
export const SIOCGIF_LAST = 0x897f;
export const SIOCOUTQ = 0x5411;
export const SIOCATMARK = 0x8905;
export const SIOCOUTQNSD = 0x894b;
export const IFNAMSIZ = 16;
export const IFREQ_SIZE = 40;
export const ifconf = struct('ifconf', { len: i32, pad: u32, req: bytes(8) });

export const IFF_UP = 0x1;
export const IFF_LOOPBACK = 0x8;
export const IFF_RUNNING = 0x40;
export const IFF_LOWER_UP = 0x1_0000;
export const ARPHRD_LOOPBACK = 772;

/** struct tcp_info as far as it says something here. */
export const tcpInfo = struct(
  'tcp_info',
  {
    state: u8,
    caState: u8,
    retransmits: u8,
    probes: u8,
    backoff: u8,
    options: u8,
    scale: u8,
    flags: u8,
    rto: u32,
    ato: u32,
    sndMss: u32,
    rcvMss: u32,
  },
  { size: 232 },
);
