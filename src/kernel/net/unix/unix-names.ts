/**
 * Binding and finding Unix sockets: a path leads to an inode of type socket and that to whoever is
 * bound to it; abstract names are a table of the network. Linux: unix_bind and unix_find_other.
 */
import { E } from '../../../abi/errno.js';
import { S_IFMT, S_IFSOCK } from '../../../abi/mode.js';
import { checkAccess, MAY } from '../../fs/access.js';
import type { Inode } from '../../fs/inode.js';
import { makeNode } from '../../fs/make.js';
import { walk } from '../../fs/walk.js';
import { Failure, fail } from '../../outcome.js';
import type { Network } from '../network.js';
import { AUTO_NAMES } from '../network.js';
import type { Caller } from '../socket.js';
import { abstractAddress, type UnixAddress } from './unix-address.js';
import type { UnixSocket } from './unix-socket.js';

export function bindUnix(
  socket: UnixSocket,
  caller: Caller,
  address: UnixAddress | 'auto',
): Failure | undefined {
  if (address === 'auto') return socket.address ? undefined : bindAutomatically(socket);
  if (address.kind === 'path') return bindPath(socket, caller, address);
  if (socket.address) return fail(E.EINVAL);
  return bindAbstract(socket, address);
}

/** What a socket loses when it closes: an abstract name is free again, a path stays without anybody there. */
export function unbindUnix(socket: UnixSocket): void {
  const { network, address, pathKey } = socket;
  if (address?.kind === 'abstract') {
    const key = abstractKey(socket.type, address.name);
    if (network.abstractNames.get(key) === socket) network.abstractNames.delete(key);
  }
  if (pathKey !== undefined && network.pathSockets.get(pathKey) === socket)
    network.pathSockets.delete(pathKey);
}

/** The socket with this name, which must be of the same type. */
export function findUnix(
  network: Network,
  caller: Caller,
  address: UnixAddress,
  type: number,
): UnixSocket | Failure {
  const found =
    address.kind === 'abstract'
      ? (network.abstractNames.get(abstractKey(type, address.name)) ?? fail(E.ECONNREFUSED))
      : findAtPath(network, caller, address.name);
  if (found instanceof Failure) return found;
  return found.type === type ? found : fail(E.EPROTOTYPE);
}

function findAtPath(network: Network, caller: Caller, path: string): UnixSocket | Failure {
  const place = walk(caller.places(path), path, { followLast: true });
  if (place instanceof Failure) return place;
  const { inode } = place.dentry;
  const refused = checkAccess(inode, caller.creds, MAY.WRITE);
  if (refused) return refused;
  if ((inode.mode & S_IFMT) !== S_IFSOCK) return fail(E.ECONNREFUSED);
  return network.pathSockets.get(keyOf(inode)) ?? fail(E.ECONNREFUSED);
}

function bindPath(socket: UnixSocket, caller: Caller, address: UnixAddress): Failure | undefined {
  const ctx = caller.places(address.name);
  if (socket.address) {
    const there = walk(ctx, address.name, { followLast: false });
    return fail(there instanceof Failure ? E.EINVAL : E.EADDRINUSE);
  }
  const made = makeNode(ctx, address.name, S_IFSOCK | 0o777, 0);
  if (made instanceof Failure) return made.errno === E.EEXIST ? fail(E.EADDRINUSE) : made;
  socket.address = address;
  socket.pathKey = keyOf(made.dentry.inode);
  socket.network.pathSockets.set(socket.pathKey, socket);
  return undefined;
}

function bindAbstract(socket: UnixSocket, address: UnixAddress): Failure | undefined {
  const { abstractNames } = socket.network;
  const key = abstractKey(socket.type, address.name);
  if (abstractNames.has(key)) return fail(E.EADDRINUSE);
  socket.address = address;
  abstractNames.set(key, socket);
  return undefined;
}

/** Sockets of another type never meet: each type has names of its own. */
function abstractKey(type: number, name: string): string {
  return `${type}:${name}`;
}

function bindAutomatically(socket: UnixSocket): Failure | undefined {
  for (let tries = 0; tries < AUTO_NAMES; tries++) {
    const name = socket.network.nextAutoName();
    if (!bindAbstract(socket, abstractAddress(name))) return undefined;
  }
  return fail(E.ENOSPC);
}

function keyOf(inode: Inode): string {
  const { dev, ino } = inode.attributes();
  return `${dev}:${ino}`;
}
