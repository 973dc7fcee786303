/** How strace prints socket addresses. */
import { sockaddrIn, sockaddrIn6 } from '../../abi/inet.js';
import { sockaddrNl } from '../../abi/netlink.js';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  addressFamilies,
  SOCKADDR_MAX,
  UNIX_PATH_OFFSET,
} from '../../abi/socket.js';
import { type UserAddr, userAddr } from '../../base/brand.js';
import { latin1 } from '../../base/bytes.js';
import { familyOf, fromBytes, isV4 } from '../net/inet/ip-address.js';
import type { Task } from '../task/task.js';
import { addr } from './codecs.js';
import type { Codec, ShowContext } from './declare.js';
import { address, quote, valueName } from './show.js';

/** An address that the call reads; its length is the argument `lengthName`. */
export function socketAddress(lengthName: string): Codec<UserAddr> {
  return { decode: addr.decode, show: (at, call) => textAt(call.task, at, argument(call, lengthName)) };
}

/** An address that the call writes; the argument `lengthName` points to its length. */
export function socketAddressOut(lengthName: string): Codec<UserAddr> {
  return {
    decode: addr.decode,
    isOutput: true,
    show(at, call) {
      const lengthAt = argument(call, lengthName);
      const word = new Uint8Array(4);
      const failed = call.result === undefined || call.result < 0;
      if (failed || lengthAt === 0 || call.task.memory.tryRead(userAddr(lengthAt), word) !== 4) {
        return address(at);
      }
      return textAt(call.task, at, new DataView(word.buffer).getUint32(0, true));
    },
  };
}

function argument(call: ShowContext, name: string): number {
  const value = call.args[call.declaration.args.findIndex((a) => a.name === name)];
  return typeof value === 'number' ? value : 0;
}

function textAt(task: Task, at: UserAddr, length: number): string {
  const bytes = new Uint8Array(Math.min(Math.max(length, 0), SOCKADDR_MAX));
  if (at === 0 || bytes.length < 2 || task.memory.tryRead(at, bytes) !== bytes.length) return address(at);
  return addressText(bytes);
}

export function addressText(bytes: Uint8Array): string {
  const family = familyOf(bytes) ?? 0;
  const head = `{sa_family=${valueName(addressFamilies, family)}`;
  if (family === AF_UNIX) return `${head}${unixText(bytes)}}`;
  if (family === AF_INET && bytes.length >= sockaddrIn.size) {
    return `${head}, sin_port=htons(${port(bytes)}), sin_addr=inet_addr("${fromBytes(bytes.subarray(4, 8))}")}`;
  }
  if (family === AF_INET6 && bytes.length >= sockaddrIn6.size) {
    const host = fromBytes(bytes.subarray(8, 24));
    const text = isV4(host) ? `::ffff:${host}` : (host.match(/.{4}/g) ?? []).join(':');
    return `${head}, sin6_port=htons(${port(bytes)}), inet_pton(AF_INET6, "${text}", &sin6_addr)}`;
  }
  if (family === AF_NETLINK && bytes.length >= sockaddrNl.size) {
    const { pid, groups } = sockaddrNl.decode(bytes);
    return `${head}, nl_pid=${pid}, nl_groups=${groups}}`;
  }
  return `${head}}`;
}

function unixText(bytes: Uint8Array): string {
  const path = latin1(bytes.subarray(UNIX_PATH_OFFSET));
  if (path === '') return '';
  if (path[0] === '\0') return `, sun_path=@${quote(path.slice(1))}`;
  const end = path.indexOf('\0');
  return `, sun_path=${quote(end < 0 ? path : path.slice(0, end))}`;
}

function port(bytes: Uint8Array): number {
  return ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
}
