/** What a receiver may ask to be told about a datagram: IP_PKTINFO and its like, ip(7), ipv6(7). */
import {
  IP_PKTINFO,
  IP_RECVTOS,
  IP_RECVTTL,
  IP_TOS,
  IP_TTL,
  IPV6_HOPLIMIT,
  IPV6_PKTINFO,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
} from '../../../abi/inet.js';
import { AF_INET6, SOL_IP, SOL_IPV6 } from '../../../abi/socket.js';
import { intBytes, intOf, type KeptOptions } from '../kept-options.js';
import { LOOPBACK } from '../loopback.js';
import type { ControlItem } from '../socket.js';
import { addressBytes, bytes16, type Endpoint, isV4 } from './ip-address.js';

const HOPS = 64;

/** What a packet carries beside its bytes: hops to go, and the class of traffic. */
export interface Marks {
  readonly hops: number;
  readonly trafficClass: number;
}

/** Control messages that a sender may give: one of a length that makes sense. */
export function isMark({ level, type, body }: ControlItem): boolean {
  if (level === SOL_IP)
    return (type === IP_TTL || type === IP_TOS) && (body.length === 1 || body.length === 4);
  if (level !== SOL_IPV6) return true;
  if (type === IPV6_PKTINFO) return body.length >= 20;
  return (type === IPV6_HOPLIMIT || type === IPV6_TCLASS) && body.length === 4;
}

/** The sender's options, unless the message says otherwise; -1 means the default. */
export function marksOf(items: readonly ControlItem[], ip: KeptOptions, ipv6: KeptOptions): Marks {
  const given = (level: number, type: number): number | undefined => {
    const item = items.find((i) => i.level === level && i.type === type);
    const value = item && intOf(item.body, 1);
    return value === -1 ? undefined : value;
  };
  const kept = (options: KeptOptions, name: number, usual: number): number => {
    const value = options.get(name) ?? usual;
    return value < 0 ? usual : value;
  };
  const v6Hops = kept(ipv6, IPV6_UNICAST_HOPS, HOPS);
  const hops = given(SOL_IPV6, IPV6_HOPLIMIT) ?? given(SOL_IP, IP_TTL);
  const trafficClass = given(SOL_IPV6, IPV6_TCLASS) ?? given(SOL_IP, IP_TOS);
  return {
    hops: hops ?? (v6Hops === HOPS ? kept(ip, IP_TTL, HOPS) : v6Hops),
    trafficClass: trafficClass ?? (kept(ipv6, IPV6_TCLASS, 0) || kept(ip, IP_TOS, 0)),
  };
}

export function datagramControl(
  { to, marks }: { readonly to: Endpoint; readonly marks: Marks },
  family: number,
  ip: KeptOptions,
  ipv6: KeptOptions,
): ControlItem[] {
  const items: ControlItem[] = [];
  const add = (level: number, type: number, body: Uint8Array): void => {
    items.push({ level, type, body });
  };
  if (isV4(to.address)) {
    const address = addressBytes(to.address);
    // struct in_pktinfo: interface, local address, destination.
    if (ip.isOn(IP_PKTINFO)) add(SOL_IP, IP_PKTINFO, joined(intBytes(LOOPBACK.index), address, address));
    if (ip.isOn(IP_RECVTTL)) add(SOL_IP, IP_TTL, intBytes(marks.hops));
    if (ip.isOn(IP_RECVTOS)) add(SOL_IP, IP_TOS, Uint8Array.of(marks.trafficClass));
  }
  if (family === AF_INET6) {
    const info = joined(bytes16(to.address), intBytes(LOOPBACK.index));
    if (ipv6.isOn(IPV6_RECVPKTINFO)) add(SOL_IPV6, IPV6_PKTINFO, info);
    if (ipv6.isOn(IPV6_RECVHOPLIMIT)) add(SOL_IPV6, IPV6_HOPLIMIT, intBytes(marks.hops));
    if (ipv6.isOn(IPV6_RECVTCLASS)) add(SOL_IPV6, IPV6_TCLASS, intBytes(marks.trafficClass));
  }
  return items;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
