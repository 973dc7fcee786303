/**
 * Answers to rtnetlink(7) requests about a machine that has the loopback interface and nothing else:
 * links, addresses, routes. Other requests to look find nothing; to change is not permitted.
 */
import { E, type Errno } from '../../../abi/errno.js';
import { ARPHRD_LOOPBACK, IFF_LOOPBACK, IFF_LOWER_UP, IFF_RUNNING, IFF_UP } from '../../../abi/inet.js';
import {
  IFA_ADDRESS,
  IFA_CACHEINFO,
  IFA_F_PERMANENT,
  IFA_FLAGS,
  IFA_LABEL,
  IFA_LOCAL,
  IFLA_ADDRESS,
  IFLA_BROADCAST,
  IFLA_IFNAME,
  IFLA_LINKMODE,
  IFLA_MTU,
  IFLA_OPERSTATE,
  IFLA_QDISC,
  IFLA_STATS,
  IFLA_TXQLEN,
  ifaddrmsg,
  ifinfomsg,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_MIN_TYPE,
  nlmsghdr,
  RT_SCOPE_HOST,
  RT_TABLE_LOCAL,
  RTA_DST,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_TABLE,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  RTN_LOCAL,
  RTPROT_KERNEL,
  rtattr,
  rtmsg,
} from '../../../abi/netlink.js';
import { AF_INET, AF_INET6, AF_UNSPEC } from '../../../abi/socket.js';
import { bytesOf } from '../../../base/bytes.js';
import { LOOPBACK } from '../loopback.js';

/** What is asked for: a header and the bytes behind it. */
export interface Request {
  readonly type: number;
  readonly flags: number;
  readonly seq: number;
  readonly body: Uint8Array;
  /** The whole message, which an error quotes. */
  readonly bytes: Uint8Array;
}

const FOREVER = 0xffff_ffff;

/** The messages that answer `request`, each a datagram of its own, for the socket with this port. */
export function answerRoute(request: Request, port: number): Uint8Array[] {
  const { type, flags } = request;
  if (type < NLMSG_MIN_TYPE) return [];
  const dump = (flags & NLM_F_DUMP) === NLM_F_DUMP;
  const found = look(request);
  if (!found) return [errorAnswer(request, port, isLook(type) ? E.EOPNOTSUPP : E.EPERM)];
  if (dump) {
    const parts = found.map((part) => message(part.type, NLM_F_MULTI, request, port, part.body));
    const done = message(NLMSG_DONE, NLM_F_MULTI, request, port, int(0));
    return parts.length === 0 ? [done] : [Buffer.concat(parts), done];
  }
  const [first] = found;
  if (!first) return [errorAnswer(request, port, E.ENODEV)];
  const answer = message(first.type, 0, request, port, first.body);
  return (flags & NLM_F_ACK) !== 0 ? [answer, errorAnswer(request, port, 0)] : [answer];
}

/** Requests come in fours: new, delete, get, set. */
function isLook(type: number): boolean {
  return (type & 3) === 2;
}

interface Part {
  readonly type: number;
  readonly body: Uint8Array;
}

function look(request: Request): Part[] | undefined {
  const family = request.body[0] ?? AF_UNSPEC;
  switch (request.type) {
    case RTM_GETLINK:
      return [{ type: RTM_NEWLINK, body: linkBody() }];
    case RTM_GETADDR:
      return ADDRESSES.filter((a) => family === AF_UNSPEC || a.family === family).map((a) => ({
        type: RTM_NEWADDR,
        body: addressBody(a),
      }));
    case RTM_GETROUTE:
      return ADDRESSES.filter((a) => family === AF_UNSPEC || a.family === family).map((a) => ({
        type: RTM_NEWROUTE,
        body: routeBody(a),
      }));
    default:
      return isLook(request.type) && (request.flags & NLM_F_DUMP) === NLM_F_DUMP ? [] : undefined;
  }
}

interface Address {
  readonly family: number;
  readonly prefix: number;
  readonly bytes: Uint8Array;
}

const LOOPBACK_V4 = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK_V6 = Uint8Array.of(...new Array<number>(15).fill(0), 1);
const ADDRESSES: readonly Address[] = [
  { family: AF_INET, prefix: 8, bytes: LOOPBACK_V4 },
  { family: AF_INET6, prefix: 128, bytes: LOOPBACK_V6 },
];

function linkBody(): Uint8Array {
  const flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP;
  const head = ifinfomsg.encode({
    family: AF_UNSPEC,
    pad: 0,
    type: ARPHRD_LOOPBACK,
    index: LOOPBACK.index,
    flags,
    change: 0,
  });
  return Buffer.concat([
    head,
    attribute(IFLA_IFNAME, name()),
    attribute(IFLA_TXQLEN, int(LOOPBACK.queueLength)),
    attribute(IFLA_OPERSTATE, Uint8Array.of(0)),
    attribute(IFLA_LINKMODE, Uint8Array.of(0)),
    attribute(IFLA_MTU, int(LOOPBACK.mtu)),
    attribute(IFLA_QDISC, bytesOf('noqueue\0')),
    attribute(IFLA_ADDRESS, new Uint8Array(6)),
    attribute(IFLA_BROADCAST, new Uint8Array(6)),
    // struct rtnl_link_stats: 23 counters.
    attribute(IFLA_STATS, new Uint8Array(92)),
  ]);
}

function addressBody(a: Address): Uint8Array {
  const head = ifaddrmsg.encode({
    family: a.family,
    prefixlen: a.prefix,
    flags: IFA_F_PERMANENT,
    scope: RT_SCOPE_HOST,
    index: LOOPBACK.index,
  });
  const own = a.family === AF_INET ? [attribute(IFA_LOCAL, a.bytes), attribute(IFA_LABEL, name())] : [];
  const lifetime = new Uint8Array(Uint32Array.of(FOREVER, FOREVER, 0, 0).buffer);
  return Buffer.concat([
    head,
    attribute(IFA_ADDRESS, a.bytes),
    ...own,
    attribute(IFA_FLAGS, int(IFA_F_PERMANENT)),
    attribute(IFA_CACHEINFO, lifetime),
  ]);
}

function routeBody(a: Address): Uint8Array {
  const head = rtmsg.encode({
    family: a.family,
    dstLen: a.prefix,
    srcLen: 0,
    tos: 0,
    table: RT_TABLE_LOCAL,
    protocol: RTPROT_KERNEL,
    scope: RT_SCOPE_HOST,
    type: RTN_LOCAL,
    flags: 0,
  });
  const net = a.family === AF_INET ? Uint8Array.of(127, 0, 0, 0) : a.bytes;
  return Buffer.concat([
    head,
    attribute(RTA_TABLE, int(RT_TABLE_LOCAL)),
    attribute(RTA_DST, net),
    attribute(RTA_PREFSRC, a.bytes),
    attribute(RTA_OIF, int(LOOPBACK.index)),
  ]);
}

function errorAnswer(request: Request, port: number, errno: Errno | 0): Uint8Array {
  const quoted = request.bytes.subarray(0, nlmsghdr.size);
  return message(NLMSG_ERROR, 0, request, port, Buffer.concat([int(-errno), quoted]));
}

function message(type: number, flags: number, request: Request, pid: number, body: Uint8Array): Uint8Array {
  const len = nlmsghdr.size + body.length;
  return padded(Buffer.concat([nlmsghdr.encode({ len, type, flags, seq: request.seq, pid }), body]));
}

function attribute(type: number, body: Uint8Array): Uint8Array {
  return padded(Buffer.concat([rtattr.encode({ len: rtattr.size + body.length, type }), body]));
}

function padded(bytes: Uint8Array): Uint8Array {
  const rest = bytes.length % 4;
  return rest === 0 ? bytes : Buffer.concat([bytes, new Uint8Array(4 - rest)]);
}

function int(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

function name(): Uint8Array {
  return bytesOf(`${LOOPBACK.name}\0`);
}
