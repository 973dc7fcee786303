/**
 * What TCP and UDP sockets have in common: their two endpoints, ports, and options of IP. Models
 * Linux's net/ipv4/af_inet.c and net/ipv6/af_inet6.c.
 *
 * Owner: its home shard. Invariant: `local.port` is not 0 exactly while the socket is in the port table.
 */
import { E } from '../../../abi/errno.js';
import { IP_FREEBIND, IP_MTU, IPV6_MTU, IPV6_V6ONLY } from '../../../abi/inet.js';
import { AF_INET, AF_INET6, SO_REUSEADDR, SO_REUSEPORT, SOL_IP, SOL_IPV6 } from '../../../abi/socket.js';
import { CAP, has } from '../../auth/credentials.js';
import { Failure, fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { intBytes, intOf, KeptOptions, type OptionTable } from '../kept-options.js';
import { type Network, networkOf } from '../network.js';
import { type Caller, type Sender, Socket } from '../socket.js';
import type { SocketOptions } from '../socket-options.js';
import { IP_GROUP_OPTIONS, IPV6_GROUP_OPTIONS, ipOptions, ipv6Options } from './inet-options.js';
import {
  ANY4,
  ANY6,
  type Endpoint,
  endpointBytes,
  familyOf,
  type IpAddress,
  isAny,
  isLocal,
  isMulticast,
  isV4,
  parseEndpoint,
  routeTo,
  sourceFor,
} from './ip-address.js';
import type { PortHolder, PortTable } from './port-table.js';

/** net.ipv4.ip_unprivileged_port_start */
const FIRST_UNPRIVILEGED = 1024;

export interface InetOptions {
  readonly socket?: SocketOptions;
  readonly ip?: KeptOptions;
  readonly ipv6?: KeptOptions;
  readonly transport?: KeptOptions;
}

export abstract class InetSocket extends Socket implements PortHolder {
  readonly network: Network;
  local: Endpoint;
  remote: Endpoint | undefined;
  protected readonly ip: KeptOptions;
  protected readonly ipv6: KeptOptions;
  protected readonly transport: KeptOptions;
  /** The program chose address or port by bind(2): they outlive a connection. */
  protected boundAddress = false;
  protected boundPort = false;

  constructor(
    services: KernelServices,
    /** AF_INET or AF_INET6. */
    readonly family: number,
    type: number,
    creator: Sender,
    flags: number,
    transport: OptionTable,
    inherited: InetOptions = {},
  ) {
    super(services, type, creator, flags, inherited.socket);
    this.network = networkOf(services);
    this.local = { address: this.anyAddress, port: 0 };
    this.ip = inherited.ip ?? new KeptOptions(ipOptions);
    this.ipv6 = inherited.ipv6 ?? new KeptOptions(ipv6Options);
    this.transport = inherited.transport ?? new KeptOptions(transport);
  }

  protected abstract readonly ports: PortTable<InetSocket>;
  /** Level of its own options: SOL_TCP or SOL_UDP. */
  protected abstract readonly level: number;
  /** Whether bind(2) is still allowed. */
  protected abstract readonly mayBind: boolean;
  protected abstract transportOption(name: number): Uint8Array | undefined;

  get onlyV6(): boolean {
    return this.family === AF_INET6 && this.ipv6.isOn(IPV6_V6ONLY);
  }
  get reusesAddress(): boolean {
    return this.options.isOn(SO_REUSEADDR);
  }
  get reusesPort(): boolean {
    return this.options.isOn(SO_REUSEPORT);
  }
  get uid(): number {
    return this.creator.creds.euid;
  }
  protected get anyAddress(): IpAddress {
    return this.family === AF_INET ? ANY4 : ANY6;
  }

  localName(): Uint8Array {
    return endpointBytes(this.local, this.family);
  }

  bind(caller: Caller, bytes: Uint8Array): Failure | undefined {
    const at = this._bindAddress(bytes);
    if (at instanceof Failure) return at;
    const { address, port } = at;
    if (this.onlyV6 && isV4(address)) return fail(E.EINVAL);
    const ours = isAny(address) || isLocal(address) || isMulticast(address) || this.ip.isOn(IP_FREEBIND);
    if (!ours) return fail(E.EADDRNOTAVAIL);
    if (port !== 0 && port < FIRST_UNPRIVILEGED && !has(caller.creds, CAP.NET_BIND_SERVICE)) {
      return fail(E.EACCES);
    }
    if (!this.mayBind || this.local.port !== 0) return fail(E.EINVAL);
    const failed = this._claim(address, port);
    if (failed) return failed;
    this.boundAddress = !isAny(address);
    this.boundPort = port !== 0;
    return undefined;
  }

  override getOption(level: number, name: number): Uint8Array | Failure {
    if (level === this.level) {
      const special = this.transportOption(name);
      if (special) return special;
    }
    if (level === SOL_IP && name === IP_MTU && !this.remote) return fail(E.ENOTCONN);
    if (level === SOL_IPV6 && name === IPV6_MTU && !this.remote) return fail(E.ENOTCONN);
    const value = this._kept(level)?.get(name);
    if (value !== undefined) return intBytes(value);
    // Level IP answers for IPv4 options, which are none.
    return fail(this._kept(level) ? E.ENOPROTOOPT : E.EOPNOTSUPP);
  }

  override setOption(_caller: Caller, level: number, name: number, value: Uint8Array): Failure | undefined {
    const kept = this._kept(level);
    if (!kept) return fail(E.ENOPROTOOPT);
    if (level === SOL_IP && IP_GROUP_OPTIONS.includes(name)) return fail(E.ENODEV);
    if (level === SOL_IPV6 && IPV6_GROUP_OPTIONS.includes(name)) return fail(E.ENODEV);
    const number = intOf(value, level === this.level || level === SOL_IPV6 ? 4 : 1);
    if (number === undefined) return fail(E.EINVAL);
    if (level === SOL_IPV6 && name === IPV6_V6ONLY && this.local.port !== 0) return fail(E.EINVAL);
    return kept.set(name, number);
  }

  /** Where a packet to this address goes and comes from; the socket has a port afterwards. */
  protected routeFrom(bytes: Uint8Array): { to: Endpoint; from: Endpoint } | Failure {
    const wanted = parseEndpoint(bytes, this._familyOfDestination(bytes));
    if (wanted instanceof Failure) return wanted;
    return this.route(wanted);
  }

  protected route(wanted: Endpoint): { to: Endpoint; from: Endpoint } | Failure {
    const address = routeTo(wanted.address);
    if (address instanceof Failure) return address;
    if (isV4(address) && this.onlyV6) return fail(E.ENETUNREACH);
    const bound = this.local.address;
    if (!isAny(bound) && isV4(bound) !== isV4(address)) return fail(E.ENETUNREACH);
    if (this.local.port === 0) {
      const failed = this._claim(this.local.address, 0);
      if (failed) return failed;
    }
    const source = isAny(this.local.address) ? sourceFor(address) : this.local.address;
    return { to: { address, port: wanted.port }, from: { address: source, port: this.local.port } };
  }

  /** Takes the place of `at`, which is known to be free. */
  protected settle(at: Endpoint): void {
    this.leavePort();
    this.local = at;
    this.ports.join(this);
  }

  protected leavePort(): void {
    if (this.local.port !== 0) this.ports.leave(this);
  }

  /** After a connection: what bind(2) chose stays, the rest is forgotten. */
  protected unsettle(): void {
    this.leavePort();
    this.local = {
      address: this.boundAddress ? this.local.address : this.anyAddress,
      port: this.boundPort ? this.local.port : 0,
    };
    if (this.local.port !== 0) this.ports.join(this);
  }

  private _claim(address: IpAddress, wanted: number): Failure | undefined {
    const how = { alone: !this.reusesPort };
    const port = wanted || (this.ports.choose(this, address, this.services.random, how) ?? 0);
    if (port === 0) return fail(E.EADDRINUSE);
    const failed = this.ports.check(this, { address, port }, 'holder');
    if (failed) return failed;
    this.settle({ address, port });
    return undefined;
  }

  /** IPv4 sockets take a wildcard of no family. */
  private _bindAddress(bytes: Uint8Array): Endpoint | Failure {
    if (this.family === AF_INET && familyOf(bytes) === 0 && bytes.length >= 16) {
      const rest = bytes.slice();
      rest[0] = AF_INET;
      const parsed = parseEndpoint(rest, AF_INET);
      return parsed instanceof Failure || isAny(parsed.address) ? parsed : fail(E.EAFNOSUPPORT);
    }
    return parseEndpoint(bytes, this.family);
  }

  /** Datagrams of IPv6 sockets may name an IPv4 address as such. */
  private _familyOfDestination(bytes: Uint8Array): number {
    const mixed = this.family === AF_INET6 && !this.isStream && familyOf(bytes) === AF_INET;
    return mixed ? AF_INET : this.family;
  }

  private _kept(level: number): KeptOptions | undefined {
    if (level === this.level) return this.transport;
    if (level === SOL_IP) return this.ip;
    return level === SOL_IPV6 && this.family === AF_INET6 ? this.ipv6 : undefined;
  }
}
