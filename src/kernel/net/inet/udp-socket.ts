/**
 * UDP over the loopback, udp(7). Models Linux's net/ipv4/udp.c: a datagram for a port that nobody holds
 * comes back as ECONNREFUSED to a connected sender; one that finds the receiver's buffer full is lost.
 *
 * Owner: its home shard.
 */
import { E } from '../../../abi/errno.js';
import { IP_RECVERR, IPPROTO_UDP } from '../../../abi/inet.js';
import { MSG_OOB, SHUT_RD, SHUT_WR, SOCK_DGRAM } from '../../../abi/socket.js';
import type { Tried } from '../../fs/file-description.js';
import type { Sink, Source } from '../../fs/io.js';
import { Failure, fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { ERR, HUP, IN, OUT, RDHUP, RDNORM, WOULD_BLOCK, WRBAND, WRNORM } from '../../wait.js';
import { copyOut } from '../copy-out.js';
import {
  type Caller,
  EVERYONE,
  type Incoming,
  type Outgoing,
  READABLE,
  type Receive,
  type Sender,
  type Socket,
} from '../socket.js';
import { udpliteOptions, udpOptions } from './inet-options.js';
import { InetSocket } from './inet-socket.js';
import { type Endpoint, endpointBytes, familyOf } from './ip-address.js';
import type { PortTable } from './port-table.js';
import { datagramControl, isMark, type Marks, marksOf } from './udp-control.js';

/** What fits an IPv4 packet. */
const LARGEST = 65_507;
/** What a datagram costs of the receive buffer beside its bytes. */
const OVERHEAD = 768;

interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly marks: Marks;
}

export class UdpSocket extends InetSocket {
  protected readonly level: number;
  readonly isStream = false;
  readonly isListening = false;
  private readonly _received: Datagram[] = [];
  private _charged = 0;
  private _receiveShut = false;
  private _sendShut = false;

  constructor(
    services: KernelServices,
    family: number,
    creator: Sender,
    flags: number,
    /** IPPROTO_UDP or IPPROTO_UDPLITE. */
    readonly protocol: number = IPPROTO_UDP,
  ) {
    super(
      services,
      family,
      SOCK_DGRAM,
      creator,
      flags,
      protocol === IPPROTO_UDP ? udpOptions : udpliteOptions,
    );
    this.level = protocol;
  }

  private get _peers(): PortTable<UdpSocket> {
    return this.protocol === IPPROTO_UDP ? this.network.udp : this.network.udplite;
  }
  protected get ports(): PortTable<InetSocket> {
    return this._peers as PortTable<InetSocket>;
  }
  protected readonly mayBind = true;

  tryConnect(_caller: Caller, address: Uint8Array): Tried<0> {
    if (familyOf(address) === 0) {
      this.remote = undefined;
      this.unsettle();
      return 0;
    }
    const route = this.routeFrom(address);
    if (route instanceof Failure) return route;
    this.settle(route.from);
    this.remote = route.to;
    return 0;
  }

  listenFor(): Failure {
    return fail(E.EOPNOTSUPP);
  }
  tryAccept(): Tried<Socket> {
    return fail(E.EOPNOTSUPP);
  }

  override peerName(): Uint8Array | undefined {
    return this.remote && endpointBytes(this.remote, this.family);
  }

  shutdown(how: number): Failure | undefined {
    // An unconnected one says ENOTCONN, and is shut all the same.
    if (how !== SHUT_WR) this._receiveShut = true;
    if (how !== SHUT_RD) this._sendShut = true;
    this.queue.notify(EVERYONE);
    return this.remote ? undefined : fail(E.ENOTCONN);
  }

  get unread(): number {
    return this._received[0]?.bytes.length ?? 0;
  }
  readonly unsent = 0;

  trySend(from: Source, message: Outgoing): Tried<number> {
    const { remaining } = from;
    if (remaining > LARGEST) return fail(E.EMSGSIZE);
    if ((message.flags & MSG_OOB) !== 0) return fail(E.EOPNOTSUPP);
    const route = this._destination(message);
    if (route instanceof Failure) return route;
    if ((message.control ?? []).some((item) => !isMark(item))) return fail(E.EINVAL);
    if (this.error !== undefined) return fail(this.takeError() || E.EIO);
    if (this._sendShut) return fail(E.EPIPE);
    const bytes = copyOut(from, remaining);
    if (bytes.length < remaining) return fail(E.EFAULT);
    const target = this._peers.find(route.to, route.from, () => true);
    const marks = marksOf(message.control ?? [], this.ip, this.ipv6);
    if (target) target._deliver({ bytes, ...route, marks });
    else this._unreachable();
    return remaining;
  }

  private _destination(message: Outgoing): { to: Endpoint; from: Endpoint } | Failure {
    if (message.to) {
      const route = this.routeFrom(message.to);
      return !(route instanceof Failure) && route.to.port === 0 ? fail(E.EINVAL) : route;
    }
    if (!this.remote) return fail(E.EDESTADDRREQ);
    return { to: this.remote, from: this.local };
  }

  private _unreachable(): void {
    if (!this.remote && !this.ip.isOn(IP_RECVERR)) return;
    this.error = E.ECONNREFUSED;
    this.queue.notify(EVERYONE);
  }

  private _deliver(datagram: Datagram): void {
    if (this._charged >= this.options.receiveBuffer) return;
    this._charged += datagram.bytes.length + OVERHEAD;
    this._received.push(datagram);
    this.queue.notify(READABLE);
  }

  tryReceive(to: Sink, how: Receive): Tried<Incoming> | 'end' {
    if (this.error !== undefined) return fail(this.takeError() || E.EIO);
    const first = this._received[0];
    if (!first) return this._receiveShut && how.waits ? 'end' : WOULD_BLOCK;
    const { length } = first.bytes;
    const wanted = Math.min(length, to.remaining);
    const count = wanted > 0 ? to.put(first.bytes.subarray(0, wanted)) : 0;
    if (count < wanted) return fail(E.EFAULT);
    if (!how.peek) {
      this._received.shift();
      this._charged -= length + OVERHEAD;
    }
    return {
      count,
      length,
      truncated: wanted < length,
      rights: [],
      from: endpointBytes(first.from, this.family),
      control: datagramControl(first, this.family, this.ip, this.ipv6),
    };
  }

  override readiness(): number {
    let events = OUT | WRNORM | WRBAND;
    if (this.error !== undefined) events |= ERR;
    if (this._receiveShut) events |= RDHUP | IN | RDNORM;
    if (this._receiveShut && this._sendShut) events |= HUP;
    if (this._received.length > 0) events |= IN | RDNORM;
    return events;
  }

  protected transportOption(): undefined {
    return undefined;
  }

  protected override onClose(): void {
    this.leavePort();
    this._received.length = 0;
  }
}
