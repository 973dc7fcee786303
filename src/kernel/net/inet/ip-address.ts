/**
 * Internet addresses as strings that can be compared and be keys: IPv4 dotted, IPv6 as 32 hex digits. An
 * IPv4 address mapped into IPv6 is the IPv4 address. Socket addresses to and from bytes; routes.
 */
import { E } from '../../../abi/errno.js';
import { SOCKADDR_IN6_OLD_SIZE, sockaddrIn, sockaddrIn6 } from '../../../abi/inet.js';
import { AF_INET, AF_INET6 } from '../../../abi/socket.js';
import { type Failure, fail } from '../../outcome.js';

export type IpAddress = string;

export const ANY4: IpAddress = '0.0.0.0';
export const ANY6: IpAddress = '0'.repeat(32);
export const LOOPBACK4: IpAddress = '127.0.0.1';
export const LOOPBACK6: IpAddress = '1'.padStart(32, '0');
const MAPPED = 'ffff'.padStart(24, '0');

export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

export function isV4(address: IpAddress): boolean {
  return address.length < 32;
}

export function isAny(address: IpAddress): boolean {
  return address === ANY4 || address === ANY6;
}

/** Addresses of this machine, and thus of the loopback. */
export function isLocal(address: IpAddress): boolean {
  return address === LOOPBACK6 || (isV4(address) && address.startsWith('127.'));
}

export function isMulticast(address: IpAddress): boolean {
  if (!isV4(address)) return address.startsWith('ff');
  const first = Number(address.slice(0, address.indexOf('.')));
  return first >= 224 && first < 240;
}

/** Family of a sockaddr; undefined where it is too short to have one. */
export function familyOf(bytes: Uint8Array): number | undefined {
  const [low, high] = bytes;
  return low === undefined || high === undefined ? undefined : low | (high << 8);
}

/** What a sockaddr_in or sockaddr_in6 says. */
export function parseEndpoint(bytes: Uint8Array, family: number): Endpoint | Failure {
  const shortest = family === AF_INET ? sockaddrIn.size : SOCKADDR_IN6_OLD_SIZE;
  if (bytes.length < shortest) return fail(E.EINVAL);
  if (familyOf(bytes) !== family) return fail(E.EAFNOSUPPORT);
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  const address = family === AF_INET ? fromBytes(bytes.subarray(4, 8)) : fromBytes(bytes.subarray(8, 24));
  return { address, port };
}

/** The sockaddr of an endpoint, as a socket of this family sees it. */
export function endpointBytes(endpoint: Endpoint, family: number): Uint8Array {
  const port = Uint8Array.of(endpoint.port >> 8, endpoint.port & 0xff);
  if (family === AF_INET) {
    return sockaddrIn.encode({ family, port, addr: addressBytes(endpoint.address), zero: new Uint8Array(8) });
  }
  const addr = bytes16(endpoint.address);
  return sockaddrIn6.encode({ family: AF_INET6, port, flowinfo: 0, addr, scopeId: 0 });
}

/** 4 or 16 bytes. */
export function addressBytes(address: IpAddress): Uint8Array {
  return isV4(address) ? Uint8Array.from(address.split('.'), Number) : bytes16(address);
}

export function bytes16(address: IpAddress): Uint8Array {
  const hex = isV4(address)
    ? // The wildcard is its own in both families.
      address === ANY4
      ? ANY6
      : MAPPED + Buffer.from(addressBytes(address)).toString('hex')
    : address;
  return Buffer.from(hex, 'hex');
}

export function fromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return bytes.join('.');
  const hex = Buffer.from(bytes).toString('hex');
  return hex.startsWith(MAPPED) ? bytes.subarray(12).join('.') : hex;
}

/** Where a packet to `to` really goes: nowhere means this machine. ENETUNREACH off the loopback. */
export function routeTo(to: IpAddress): IpAddress | Failure {
  if (to === ANY4) return LOOPBACK4;
  if (to === ANY6) return LOOPBACK6;
  return isLocal(to) ? to : fail(E.ENETUNREACH);
}

/** The address a packet to `to` comes from when the socket is bound to none. */
export function sourceFor(to: IpAddress): IpAddress {
  return isV4(to) ? LOOPBACK4 : LOOPBACK6;
}
