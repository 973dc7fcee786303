/**
 * ioctl(2) on interfaces, netdevice(7): there is one, the loopback. What would change it fails, EPERM
 * without the capability and EOPNOTSUPP with it.
 */
import { E } from '../../abi/errno.js';
import {
  ARPHRD_LOOPBACK,
  IFNAMSIZ,
  IFREQ_SIZE,
  ifconf,
  SIOCETHTOOL,
  SIOCGIFADDR,
  SIOCGIFBRDADDR,
  SIOCGIFCONF,
  SIOCGIFDSTADDR,
  SIOCGIFFLAGS,
  SIOCGIFHWADDR,
  SIOCGIFINDEX,
  SIOCGIFMAP,
  SIOCGIFMETRIC,
  SIOCGIFMTU,
  SIOCGIFNAME,
  SIOCGIFNETMASK,
  SIOCGIFTXQLEN,
} from '../../abi/inet.js';
import { AF_INET } from '../../abi/socket.js';
import { userAddr } from '../../base/brand.js';
import { bytesOf, latin1 } from '../../base/bytes.js';
import { CAP, has } from '../auth/credentials.js';
import { fail, type Outcome } from '../outcome.js';
import type { Task } from '../task/task.js';
import { LOOPBACK } from './loopback.js';

const READS: readonly number[] = [
  SIOCGIFFLAGS,
  SIOCGIFADDR,
  SIOCGIFDSTADDR,
  SIOCGIFBRDADDR,
  SIOCGIFNETMASK,
  SIOCGIFMETRIC,
  SIOCGIFMTU,
  SIOCGIFHWADDR,
  SIOCGIFINDEX,
  SIOCGIFTXQLEN,
  SIOCGIFMAP,
];

export function interfaceRequest(task: Task, request: number, arg: number): Outcome {
  const { memory } = task;
  const at = userAddr(arg);
  if (request === SIOCGIFCONF) return listInterfaces(task, arg);
  const entry = memory.readBytes(at, IFREQ_SIZE);
  const view = new DataView(entry.buffer);
  if (request === SIOCGIFNAME) {
    if (view.getInt32(IFNAMSIZ, true) !== LOOPBACK.index) return fail(E.ENODEV);
    entry.fill(0, 0, IFNAMSIZ);
    entry.set(bytesOf(LOOPBACK.name));
    memory.write(at, entry);
    return 0;
  }
  const name = nameIn(entry);
  if (name !== LOOPBACK.name)
    return fail(READS.includes(request) || request === SIOCETHTOOL ? E.ENODEV : E.EPERM);
  if (!READS.includes(request)) {
    if (request === SIOCETHTOOL) return fail(E.EOPNOTSUPP);
    return fail(has(task.creds, CAP.NET_ADMIN) ? E.EOPNOTSUPP : E.EPERM);
  }
  entry.fill(0, IFNAMSIZ);
  fill(view, entry, request);
  memory.write(at, entry);
  return 0;
}

function nameIn(entry: Uint8Array): string {
  const name = latin1(entry.subarray(0, IFNAMSIZ));
  const end = name.search(/[\0:]/);
  return end < 0 ? name : name.slice(0, end);
}

/** What the request asks for, behind the name. */
function fill(view: DataView, entry: Uint8Array, request: number): void {
  const at = IFNAMSIZ;
  switch (request) {
    case SIOCGIFFLAGS:
      view.setInt16(at, LOOPBACK.flags & 0xffff, true);
      return;
    case SIOCGIFMTU:
      view.setInt32(at, LOOPBACK.mtu, true);
      return;
    case SIOCGIFINDEX:
      view.setInt32(at, LOOPBACK.index, true);
      return;
    case SIOCGIFTXQLEN:
      view.setInt32(at, LOOPBACK.queueLength, true);
      return;
    case SIOCGIFHWADDR:
      view.setUint16(at, ARPHRD_LOOPBACK, true);
      return;
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
      writeAddress(entry, [127, 0, 0, 1]);
      return;
    case SIOCGIFNETMASK:
      writeAddress(entry, [255, 0, 0, 0]);
      return;
    case SIOCGIFBRDADDR:
      writeAddress(entry, [0, 0, 0, 0]);
      return;
  }
}

function writeAddress(entry: Uint8Array, address: readonly number[]): void {
  entry[IFNAMSIZ] = AF_INET;
  entry.set(address, IFNAMSIZ + 4);
}

function listInterfaces(task: Task, arg: number): Outcome {
  const { memory } = task;
  const conf = memory.readStruct(ifconf, userAddr(arg));
  const buffer = memory.readU64(userAddr(arg + 8));
  let length: number = IFREQ_SIZE;
  if (buffer !== 0) {
    length = conf.len >= IFREQ_SIZE ? IFREQ_SIZE : 0;
    const entry = new Uint8Array(length);
    if (length > 0) {
      entry.set(bytesOf(LOOPBACK.name));
      writeAddress(entry, [127, 0, 0, 1]);
      memory.write(userAddr(buffer), entry);
    }
  }
  memory.writeU32(userAddr(arg), length);
  return 0;
}
