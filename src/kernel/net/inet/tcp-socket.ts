/**
 * TCP over the loopback, tcp(7): two ends in one kernel. Models the states and errors of Linux's
 * net/ipv4/tcp.c and af_inet.c; segments, timers and retransmission have nothing to do here.
 *
 * Owner: its home shard. What an end has sent and the other has not read is one ring of the receiver's;
 * the part beyond the receiver's window counts as the sender's own queue (SO_SNDBUF, writability).
 * Nothing lingers in TIME_WAIT. No urgent data.
 */
import { E, type Errno } from '../../../abi/errno.js';
import { TCP_CONGESTION, TCP_INFO, TCP_MAXSEG, TCP_STATE, tcpInfo } from '../../../abi/inet.js';
import { O_RDWR } from '../../../abi/open.js';
import { MSG_OOB, SHUT_RD, SHUT_WR, SO_RCVLOWAT, SOCK_STREAM, SOL_TCP } from '../../../abi/socket.js';
import type { Tried } from '../../fs/file-description.js';
import type { Sink, Source } from '../../fs/io.js';
import { Failure, fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { ERR, HUP, IN, OUT, RDHUP, RDNORM, WOULD_BLOCK, WRNORM } from '../../wait.js';
import { intBytes } from '../kept-options.js';
import {
  type Caller,
  EVERYONE,
  type Incoming,
  NO_NAME,
  type Outgoing,
  READABLE,
  type Receive,
  type Sender,
  type Socket,
  WRITABLE,
} from '../socket.js';
import { SocketOptions } from '../socket-options.js';
import { ByteRing } from './byte-ring.js';
import { tcpOptions } from './inet-options.js';
import { type InetOptions, InetSocket } from './inet-socket.js';
import { endpointBytes, familyOf } from './ip-address.js';
import type { PortTable } from './port-table.js';
import { TcpBacklog } from './tcp-backlog.js';

/** net.ipv4.tcp_wmem, tcp_rmem; and what a loopback connection is tuned to. */
const INITIAL_SEND = 16_384;
const TUNED_SEND = 2_626_560;
const INITIAL_RECEIVE = 131_072;
const LOOPBACK_MSS = 65_483;
const DEFAULT_MSS = 536;

type State = 'closed' | 'connecting' | 'established';

export class TcpSocket extends InetSocket {
  readonly protocol = SOL_TCP;
  protected readonly level = SOL_TCP;
  readonly isStream = true;
  private _state: State = 'closed';
  /** connect(2) has been called and its outcome not yet been told. */
  private _outcomePending = false;
  override connectPending: Errno = E.EINPROGRESS;
  private _peer: TcpSocket | undefined;
  /** It listens. */
  private _backlog: TcpBacklog<TcpSocket> | undefined;
  /** Where a connecting socket waits. */
  private _knockingAt: TcpBacklog<TcpSocket> | undefined;
  private readonly _received = new ByteRing();
  private _receiveShut = false;
  private _sendShut = false;
  /** The other side has said that it sends no more. */
  private _finReceived = false;
  /** A writer found no room: it is told once a third is free. */
  private _noSpace = false;

  constructor(
    services: KernelServices,
    family: number,
    creator: Sender,
    flags: number,
    inherited?: InetOptions,
  ) {
    super(services, family, SOCK_STREAM, creator, flags, tcpOptions, inherited ?? { socket: freshOptions() });
  }

  protected get ports(): PortTable<InetSocket> {
    return this.network.tcp as PortTable<InetSocket>;
  }
  protected get mayBind(): boolean {
    return this._state === 'closed' && !this._backlog;
  }
  get isListening(): boolean {
    return this._backlog !== undefined;
  }

  /** Connections that can be accepted. */
  get waiting(): number {
    return this._backlog?.count ?? 0;
  }

  // --- Connections ---

  tryConnect(_caller: Caller, address: Uint8Array): Tried<0> {
    if (familyOf(address) === 0) return this._disconnect();
    if (this._outcomePending) return this._outcome();
    if (this._state !== 'closed' || this._backlog) return fail(E.EISCONN);
    const route = this.routeFrom(address);
    if (route instanceof Failure) return route;
    this.settle(route.from);
    this.remote = route.to;
    this._finReceived = false;
    this._state = 'connecting';
    this._outcomePending = true;
    this.connectPending = E.EINPROGRESS;
    const listener = this.network.tcp.find(route.to, route.from, (s) => s.isListening);
    if (listener) this._knockingAt = listener._backlog;
    if (this._knockingAt) this._knockingAt.knock(this);
    else this.refused();
    return WOULD_BLOCK;
  }

  private _outcome(): Tried<0> {
    this.connectPending = E.EALREADY;
    if (this._state === 'connecting') return WOULD_BLOCK;
    this._outcomePending = false;
    if (this._state === 'established') return 0;
    const error = this.takeError() || E.ECONNABORTED;
    this._disconnect();
    return fail(error);
  }

  listenFor(_caller: Caller, backlog: number): Failure | undefined {
    if (this._state !== 'closed') return fail(E.EINVAL);
    if (this._backlog) {
      this._backlog.resize(backlog);
      return undefined;
    }
    if (this.local.port === 0) {
      const failed = this.route({ address: this.anyAddress, port: 0 });
      if (failed instanceof Failure) return failed;
    }
    const taken = this.ports.check(this, this.local, 'listener');
    if (taken) return taken;
    this._backlog = new TcpBacklog<TcpSocket>(backlog, this);
    return undefined;
  }

  tryAccept(flags: number): Tried<Socket> {
    if (!this._backlog) return fail(E.EINVAL);
    const connection = this._backlog.take();
    if (!connection) return WOULD_BLOCK;
    connection.flags |= flags;
    return connection;
  }

  /** Completes the connection of `client`; our end of it waits to be accepted. */
  welcome(client: TcpSocket): TcpSocket {
    const end = new TcpSocket(this.services, this.family, this.creator, O_RDWR, {
      socket: this.options.copy(),
      ip: this.ip.copy(),
      ipv6: this.ipv6.copy(),
      transport: this.transport.copy(),
    });
    if (client.remote) end.settle(client.remote);
    end._establish(client);
    client._establish(end);
    end.remote = client.local;
    client._knockingAt = undefined;
    client.queue.notify(WRITABLE);
    return end;
  }

  arrived(): void {
    this.queue.notify(READABLE);
  }

  private _establish(peer: TcpSocket): void {
    this._peer = peer;
    this._state = 'established';
    if (!this.options.fixedSendBuffer) this.options.sendBuffer = TUNED_SEND;
  }

  /** Nobody listens there (or no more). */
  refused(): void {
    this.error = E.ECONNREFUSED;
    this._finish();
    this.unsettle();
  }

  /** The connection is over, whoever ended it. */
  private _finish(): void {
    this._state = 'closed';
    this._peer = undefined;
    this._knockingAt?.leave(this);
    this._knockingAt = undefined;
    this._receiveShut = this._sendShut = true;
    this.queue.notify(EVERYONE);
  }

  private _resetPeer(): void {
    if (this._peer) this._peer._gotReset();
  }

  private _gotReset(): void {
    if (this._state === 'closed') return;
    this.error = this._finReceived ? E.EPIPE : E.ECONNRESET;
    this._finish();
  }

  private _gotFin(): void {
    this._finReceived = this._receiveShut = true;
    this.queue.notify(EVERYONE);
    if (this._sendShut) this._over();
  }

  /** Both sides have said that they send no more: Linux's socket is closed then, also before close(2). */
  private _over(): void {
    const peer = this._peer;
    for (const end of [this, peer]) {
      if (!end) continue;
      end._state = 'closed';
      end._receiveShut = end._sendShut = true;
      end._peer = undefined;
      end.queue.notify(EVERYONE);
    }
  }

  private _disconnect(): 0 {
    if (this._backlog) this._stopListening();
    this._resetPeer();
    this._finish();
    this.unsettle();
    this._outcomePending = false;
    this.error = undefined;
    this.remote = undefined;
    this._receiveShut = this._sendShut = this._finReceived = false;
    this._received.clear();
    return 0;
  }

  private _stopListening(): void {
    const backlog = this._backlog;
    this._backlog = undefined;
    backlog?.close((connection) => {
      connection._resetPeer();
      connection._peer = undefined;
      connection.release();
    });
  }

  override peerName(): Uint8Array | undefined {
    const there = this._state === 'established' ? this.remote : undefined;
    return there && endpointBytes(there, this.family);
  }

  shutdown(how: number): Failure | undefined {
    if (this._backlog) {
      if (how !== SHUT_WR) {
        this._stopListening();
        this.queue.notify(EVERYONE);
      }
      return undefined;
    }
    if (this._state === 'closed') {
      // What was said is remembered, also by a connection that is made later.
      if (how !== SHUT_WR) this._receiveShut = true;
      if (how !== SHUT_RD) this._sendShut = true;
      this.queue.notify(EVERYONE);
      return fail(E.ENOTCONN);
    }
    if (this._state === 'connecting') {
      this._disconnect();
      return undefined;
    }
    if (how !== SHUT_WR) this._receiveShut = true;
    if (how !== SHUT_RD && !this._sendShut) {
      this._sendShut = true;
      if (this._peer) this._peer._gotFin();
    }
    this.queue.notify(EVERYONE);
    return undefined;
  }

  protected override onClose(): void {
    if (this._backlog) this._stopListening();
    const peer = this._peer;
    const { linger } = this.options;
    const abort = this._received.size > 0 || (linger.on && linger.seconds === 0);
    this._state = 'closed';
    this._knockingAt?.leave(this);
    this._received.clear();
    this.leavePort();
    if (!peer) return;
    // The peer keeps this end: what it sends from now on is answered by a reset.
    if (abort) peer._gotReset();
    else if (!this._sendShut) peer._gotFin();
    this._receiveShut = this._sendShut = true;
  }

  // --- Data ---

  /** All of it: who has read so many bytes waits for the next to be announced (nginx). */
  get unread(): number {
    return this._received.size;
  }
  get unsent(): number {
    return this._peer ? Math.max(0, this._peer._received.size - this._peer._window) : 0;
  }

  tryReceive(to: Sink, how: Receive): Tried<Incoming> | 'end' {
    if (this._backlog) return fail(E.ENOTCONN);
    if (this._received.size > 0) {
      const wanted = to.remaining;
      const ring = this._received;
      const count = how.discard ? ring.discard(wanted) : how.peek ? ring.copy(to) : ring.drain(to);
      if (count === 0 && wanted > 0) return fail(E.EFAULT);
      if (!how.peek && this._peer) this._peer._roomMade();
      return { count, length: count, truncated: false, rights: [], from: NO_NAME };
    }
    if (this._finReceived) return 'end';
    if (this.error !== undefined) return fail(this.takeError() || E.EIO);
    if (this._receiveShut) return 'end';
    return this._state === 'closed' ? fail(E.ENOTCONN) : WOULD_BLOCK;
  }

  trySend(from: Source, message: Outgoing): Tried<number> {
    if ((message.flags & MSG_OOB) !== 0) return fail(E.EOPNOTSUPP);
    if (this.error !== undefined) return fail(this.takeError() || E.EPIPE);
    if (this._state === 'connecting') return WOULD_BLOCK;
    const peer = this._peer;
    if (!peer || this._sendShut) return fail(E.EPIPE);
    if (peer._receiveShut && peer._sendShut) return this._sendToNobody(peer, from);
    const room = this.options.sendBuffer - this.unsent;
    if (from.remaining === 0) return 0;
    if (room <= 0) {
      this._noSpace = true;
      return WOULD_BLOCK;
    }
    const wanted = Math.min(room, from.remaining);
    // Who wrote a part waits for the rest: nobody may have to try once more to be told.
    if (wanted < from.remaining) this._noSpace = true;
    const sent = peer._received.fill(from, wanted);
    if (sent > 0) peer._dataArrived();
    return sent === 0 ? fail(E.EFAULT) : sent;
  }

  private _dataArrived(): void {
    if (this._received.size >= this._lowWater) this.queue.notify(READABLE);
  }

  /** The other end takes nothing any more: it answers by a reset, which comes after this call. */
  private _sendToNobody(peer: TcpSocket, from: Source): number {
    const { remaining } = from;
    from.skip(remaining);
    peer._gotReset();
    this._gotReset();
    return remaining;
  }

  /** The peer has read: tells a writer when it is worth it. */
  private _roomMade(): void {
    if (!this._noSpace || !this._writable) return;
    this._noSpace = false;
    this.queue.notify(WRITABLE);
  }

  /** Linux: free room is at least half of what is queued. */
  private get _writable(): boolean {
    const queued = this.unsent;
    return this.options.sendBuffer - queued >= queued >> 1;
  }

  /** Half of the buffer is for overhead. */
  private get _window(): number {
    return this.options.receiveBuffer >> 1;
  }

  private get _lowWater(): number {
    return Math.min(this.options.get(SO_RCVLOWAT) ?? 1, this._window);
  }

  override readiness(): number {
    if (this._backlog) return this._backlog.ready ? READABLE : 0;
    let events = 0;
    const closed = this._state === 'closed';
    if ((this._receiveShut && this._sendShut) || closed) events |= HUP;
    if (this._receiveShut) events |= IN | RDNORM | RDHUP;
    if (this._state !== 'connecting') {
      if (this._received.size >= this._lowWater) events |= IN | RDNORM;
      if (this._sendShut || this._writable) events |= OUT | WRNORM;
      else this._noSpace = true;
    }
    if (this.error !== undefined) events |= ERR;
    return events;
  }

  // --- Options and what /proc shows ---

  /** As TCP_INFO and /proc/net/tcp number states. */
  get tcpState(): number {
    if (this._backlog) return TCP_STATE.LISTEN;
    if (this._state !== 'established') {
      return this._state === 'connecting' ? TCP_STATE.SYN_SENT : TCP_STATE.CLOSE;
    }
    if (this._finReceived) return TCP_STATE.CLOSE_WAIT;
    return this._sendShut ? TCP_STATE.FIN_WAIT2 : TCP_STATE.ESTABLISHED;
  }

  protected transportOption(name: number): Uint8Array | undefined {
    const connected = this._state === 'established';
    switch (name) {
      case TCP_MAXSEG:
        return intBytes(connected ? LOOPBACK_MSS : DEFAULT_MSS);
      case TCP_CONGESTION:
        return Buffer.from('cubic'.padEnd(16, '\0'), 'latin1');
      case TCP_INFO: {
        const mss = connected ? LOOPBACK_MSS : DEFAULT_MSS;
        const zero = { caState: 0, retransmits: 0, probes: 0, backoff: 0, options: 0, scale: 0, flags: 0 };
        const times = { rto: 200_000, ato: 40_000, sndMss: mss, rcvMss: mss };
        return tcpInfo.encode({ ...zero, ...times, state: this.tcpState });
      }
      default:
        return undefined;
    }
  }

  override setOption(caller: Caller, level: number, name: number, value: Uint8Array): Failure | undefined {
    if (level === SOL_TCP && name === TCP_CONGESTION) {
      const wanted = Buffer.from(value).toString('latin1').replace(/\0.*$/s, '');
      return wanted === 'cubic' || wanted === 'reno' ? undefined : fail(E.ENOENT);
    }
    if (level === SOL_TCP && name === TCP_MAXSEG) return undefined;
    return super.setOption(caller, level, name, value);
  }

  override optionsChanged(): void {
    if (this._peer) this._peer._roomMade();
  }
}

function freshOptions(): SocketOptions {
  const options = new SocketOptions();
  options.sendBuffer = INITIAL_SEND;
  options.receiveBuffer = INITIAL_RECEIVE;
  return options;
}
