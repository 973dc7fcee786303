/** What a receiver may ask to be told about a datagram: IP_PKTINFO and its like, ip(7), ipv6(7). */
import {
  IP_PKTINFO,
  IP_RECVTOS,
  IP_RECVTTL,
  IP_TOS,
  IP_TTL,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_RECVTCLASS,
  IPV6_TCLASS,
} from '../../../abi/inet.js';
import { AF_INET6, SOL_IP, SOL_IPV6 } from '../../../abi/socket.js';
import { intBytes, type KeptOptions } from '../kept-options.js';
import { LOOPBACK } from '../loopback.js';
import type { ControlItem } from '../socket.js';
import { addressBytes, bytes16, type Endpoint, isV4 } from './ip-address.js';

/** Types of the control messages, where they are not those of the options. */
const IPV6_PKTINFO = 50;
const IPV6_HOPLIMIT = 52;
const HOPS = 64;

export function datagramControl(
  to: Endpoint,
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
    if (ip.isOn(IP_RECVTTL)) add(SOL_IP, IP_TTL, intBytes(HOPS));
    if (ip.isOn(IP_RECVTOS)) add(SOL_IP, IP_TOS, Uint8Array.of(0));
  }
  if (family === AF_INET6) {
    const info = joined(bytes16(to.address), intBytes(LOOPBACK.index));
    if (ipv6.isOn(IPV6_RECVPKTINFO)) add(SOL_IPV6, IPV6_PKTINFO, info);
    if (ipv6.isOn(IPV6_RECVHOPLIMIT)) add(SOL_IPV6, IPV6_HOPLIMIT, intBytes(HOPS));
    if (ipv6.isOn(IPV6_RECVTCLASS)) add(SOL_IPV6, IPV6_TCLASS, intBytes(0));
  }
  return items;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
