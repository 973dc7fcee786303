/**
 * Who holds which port of a protocol, and who may share one. Models inet_csk_bind_conflict of Linux's
 * net/ipv4/inet_connection_sock.c and the lookup by score of inet_hashtables.c and udp.c.
 */
import { E } from '../../../abi/errno.js';
import { type Failure, fail } from '../../outcome.js';
import type { Random } from '../../services.js';
import { ANY4, ANY6, type Endpoint, type IpAddress, isAny, isV4 } from './ip-address.js';

/** net.ipv4.ip_local_port_range */
export const FIRST_EPHEMERAL = 32_768;
export const LAST_EPHEMERAL = 60_999;
const EPHEMERALS = LAST_EPHEMERAL - FIRST_EPHEMERAL + 1;

/** A socket that can hold a port. */
export interface PortHolder {
  readonly local: Endpoint;
  /** Where packets must come from for this socket; undefined: from anywhere. */
  readonly remote: Endpoint | undefined;
  /** Bound to the IPv6 wildcard it takes no IPv4. */
  readonly onlyV6: boolean;
  readonly reusesAddress: boolean;
  readonly reusesPort: boolean;
  /** User who made it: only sockets of one user share by SO_REUSEPORT. */
  readonly uid: number;
  readonly isListening: boolean;
}

export class PortTable<T extends PortHolder> {
  private readonly _byPort = new Map<number, Set<T>>();

  /** Everybody, for /proc/net. */
  *all(): Iterable<T> {
    for (const holders of this._byPort.values()) yield* holders;
  }

  join(holder: T): void {
    const { port } = holder.local;
    const holders = this._byPort.get(port);
    if (holders) holders.add(holder);
    else this._byPort.set(port, new Set([holder]));
  }

  leave(holder: T): void {
    const { port } = holder.local;
    const holders = this._byPort.get(port);
    if (holders?.delete(holder) && holders.size === 0) this._byPort.delete(port);
  }

  /** Whether `holder` may have `at`; `as` a listener it must be the only one unless ports are shared. */
  check(holder: T, at: Endpoint, as: 'holder' | 'listener'): Failure | undefined {
    for (const other of this._byPort.get(at.port) ?? []) {
      if (other !== holder && conflicts(holder, at, other, as)) return fail(E.EADDRINUSE);
    }
    return undefined;
  }

  /** A free ephemeral port; `alone`: one that nobody holds, so that connections cannot be mixed up. */
  choose(holder: T, address: IpAddress, random: Random, how: { alone: boolean }): number | undefined {
    const seed = new Uint8Array(2);
    random.fill(seed);
    const start = (((seed[0] ?? 0) << 8) | (seed[1] ?? 0)) % EPHEMERALS;
    for (let i = 0; i < EPHEMERALS; i++) {
      const port = FIRST_EPHEMERAL + ((start + i) % EPHEMERALS);
      const free = how.alone ? !this._byPort.has(port) : !this.check(holder, { address, port }, 'holder');
      if (free) return port;
    }
    return undefined;
  }

  /** Who takes a packet to `to` from `from`; the most exact wins, and among equals `from` decides. */
  find(to: Endpoint, from: Endpoint, wanted: (holder: T) => boolean): T | undefined {
    let best: T[] = [];
    let bestScore = 0;
    for (const holder of this._byPort.get(to.port) ?? []) {
      const score = wanted(holder) ? scoreOf(holder, to, from) : 0;
      if (score === 0 || score < bestScore) continue;
      if (score > bestScore) best = [];
      bestScore = score;
      best.push(holder);
    }
    return best[from.port % best.length];
  }
}

function scoreOf(holder: PortHolder, to: Endpoint, from: Endpoint): number {
  if (!covers(holder.local.address, holder.onlyV6, to.address)) return 0;
  let score = isAny(holder.local.address) ? 1 : 3;
  // Linux prefers a socket of the packet's own family.
  if (isV4(holder.local.address) === isV4(to.address)) score++;
  const { remote } = holder;
  if (!remote) return score;
  return remote.address === from.address && remote.port === from.port ? score + 4 : 0;
}

function covers(bound: IpAddress, onlyV6: boolean, address: IpAddress): boolean {
  if (bound === ANY6) return !isV4(address) || !onlyV6;
  return bound === ANY4 ? isV4(address) : bound === address;
}

function conflicts(holder: PortHolder, at: Endpoint, other: PortHolder, as: 'holder' | 'listener'): boolean {
  const overlap =
    covers(at.address, holder.onlyV6, other.local.address) ||
    covers(other.local.address, other.onlyV6, at.address);
  if (!overlap) return false;
  if (holder.reusesPort && other.reusesPort && holder.uid === other.uid) return false;
  if (as === 'listener') return other.isListening;
  return !(holder.reusesAddress && other.reusesAddress && !other.isListening);
}
