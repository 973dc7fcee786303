/**
 * What is known by name on a kernel's network: Unix names, ports, netlink ports, and all sockets for
 * /proc/net. Linux: struct net, a network namespace.
 *
 * Owner: one for each kernel, found by its services; sockets join when they are made and leave when
 * they close.
 */

import { PerKernel } from '../per-kernel.js';
import type { KernelServices } from '../services.js';
import { PortTable } from './inet/port-table.js';
import type { TcpSocket } from './inet/tcp-socket.js';
import type { UdpSocket } from './inet/udp-socket.js';
import { NetlinkPorts } from './netlink/ports.js';
import { InFlight } from './unix/in-flight.js';
import type { UnixSocket } from './unix/unix-socket.js';

/** How many names of five hex digits there are. */
export const AUTO_NAMES = 0x10_0000;

export class Network {
  /** There is a stack for Internet sockets; without one they fail with EAFNOSUPPORT. */
  hasInternet = true;
  readonly unixSockets = new Set<UnixSocket>();
  /** Bound Unix sockets: abstract names by type and name, others by the inode of their path. */
  readonly abstractNames = new Map<string, UnixSocket>();
  readonly pathSockets = new Map<string, UnixSocket>();
  /** Descriptions on their way through Unix sockets. */
  readonly inFlight = new InFlight();
  readonly tcp = new PortTable<TcpSocket>();
  readonly udp = new PortTable<UdpSocket>();
  readonly udplite = new PortTable<UdpSocket>();
  readonly netlinkPorts = new NetlinkPorts();
  private _lastAutoName = 0;

  /** The next name for a Unix socket that is bound to nothing: five hex digits, which may be in use. */
  nextAutoName(): string {
    this._lastAutoName = (this._lastAutoName + 1) % AUTO_NAMES;
    return this._lastAutoName.toString(16).padStart(5, '0');
  }
}

const networks = new PerKernel('network', () => new Network());

export function networkOf(services: KernelServices): Network {
  return networks.of(services);
}
