/**
 * Unix sockets, unix(7). Models Linux's net/unix/af_unix.c.
 *
 * Owner: its home shard. Data on the way is in the receiver's queue and charged to the sender's buffer
 * until it is read. A socket keeps its peer, also one that has closed: its name can still be asked for.
 * Invariant: peers of streams and sequenced packets know each other; a datagram socket's peer is only
 * where it sends to.
 */
import { E } from '../../../abi/errno.js';
import { O_RDWR } from '../../../abi/open.js';
import {
  AF_UNIX,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_PASSCRED,
  SOCK_DGRAM,
  SOCK_STREAM,
} from '../../../abi/socket.js';
import type { FileDescription, Tried } from '../../fs/file-description.js';
import type { Sink, Source } from '../../fs/io.js';
import { Failure, fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { ERR, HUP, IN, OUT, RDHUP, RDNORM, WOULD_BLOCK, WRBAND, WRNORM } from '../../wait.js';
import { copyOut } from '../copy-out.js';
import { type Network, networkOf } from '../network.js';
import {
  type Caller,
  EVERYONE,
  type Incoming,
  type Outgoing,
  READABLE,
  type Receive,
  type Sender,
  Socket,
  senderOf,
  WRITABLE,
} from '../socket.js';
import { MessageQueue, type Origin } from './message-queue.js';
import { parseUnixAddress, UNNAMED, type UnixAddress } from './unix-address.js';
import { bindUnix, findUnix, unbindUnix } from './unix-names.js';

/** A stream write is cut into messages of at most this many bytes. */
const CHUNK = 65_536;
/** net.unix.max_dgram_qlen */
const DATAGRAM_BACKLOG = 10;
const SOMAXCONN = 4096;

type State = 'unconnected' | 'listening' | 'connected';

export class UnixSocket extends Socket implements Origin {
  readonly family = AF_UNIX;
  readonly protocol = 0;
  readonly network: Network;
  address: UnixAddress | undefined;
  /** Key in `network.pathSockets` while bound to a path. */
  pathKey: string | undefined;
  private _state: State = 'unconnected';
  private _peer: UnixSocket | undefined;
  private _closed = false;
  private readonly _received: MessageQueue;
  private _receiveShut = false;
  private _sendShut = false;
  private _inFlight = 0;
  private _peerSender: Sender | undefined;
  /** Connections that wait to be accepted. */
  private _arrivals: UnixSocket[] = [];
  private _backlog = DATAGRAM_BACKLOG;
  /** Those that wait for room here: to connect, or to send a datagram. */
  private readonly _waiting = new Set<UnixSocket>();

  constructor(services: KernelServices, type: number, creator: Sender, flags: number) {
    super(services, type, creator, flags);
    this.network = networkOf(services);
    this._received = new MessageQueue(this.network.inFlight);
    this.network.unixSockets.add(this);
  }

  static pair(
    services: KernelServices,
    type: number,
    creator: Sender,
    flags: number,
  ): [UnixSocket, UnixSocket] {
    const a = new UnixSocket(services, type, creator, O_RDWR | flags);
    const b = new UnixSocket(services, type, creator, O_RDWR | flags);
    a._join(b, creator);
    b._join(a, creator);
    return [a, b];
  }

  get isStream(): boolean {
    return this.type === SOCK_STREAM;
  }
  get isListening(): boolean {
    return this._state === 'listening';
  }
  get isConnected(): boolean {
    return this._state === 'connected';
  }
  override get peerSender(): Sender | undefined {
    return this._peerSender;
  }

  // --- Names and connections ---

  bind(caller: Caller, address: Uint8Array): Failure | undefined {
    const parsed = parseUnixAddress(address);
    return parsed instanceof Failure ? parsed : bindUnix(this, caller, parsed);
  }

  tryConnect(caller: Caller, address: Uint8Array): Tried<0> {
    if (this.type === SOCK_DGRAM) return this._connectDatagrams(caller, address);
    const listener = this._find(caller, address);
    if (listener instanceof Failure) return listener;
    if (listener._state !== 'listening' || listener._receiveShut) return fail(E.ECONNREFUSED);
    if (listener._full) {
      listener._waiting.add(this);
      return WOULD_BLOCK;
    }
    if (this._state !== 'unconnected') return fail(this._state === 'connected' ? E.EISCONN : E.EINVAL);
    const arrival = new UnixSocket(this.services, this.type, caller, O_RDWR);
    arrival.address = listener.address;
    arrival._join(this, caller);
    this._join(arrival, listener._peerSender ?? listener.creator);
    listener._arrivals.push(arrival);
    listener.queue.notify(READABLE);
    return 0;
  }

  listenFor(caller: Caller, backlog: number): Failure | undefined {
    if (this.type === SOCK_DGRAM) return fail(E.EOPNOTSUPP);
    if (!this.address || this._state === 'connected') return fail(E.EINVAL);
    this._backlog = Math.min(backlog >>> 0, SOMAXCONN);
    this._state = 'listening';
    this._peerSender = senderOf(caller);
    this._wakeWaiting();
    return undefined;
  }

  tryAccept(flags: number): Tried<Socket> {
    if (this.type === SOCK_DGRAM) return fail(E.EOPNOTSUPP);
    if (this._state !== 'listening') return fail(E.EINVAL);
    const arrival = this._arrivals.shift();
    if (!arrival) return this._receiveShut ? fail(E.EINVAL) : WOULD_BLOCK;
    arrival.flags |= flags;
    this._wakeWaiting();
    return arrival;
  }

  get name(): Uint8Array {
    return this.address?.bytes ?? new Uint8Array(0);
  }
  localName(): Uint8Array {
    return this.address?.bytes ?? UNNAMED;
  }
  peerName(): Uint8Array | undefined {
    return this._peer?.localName();
  }

  // --- Data ---

  get unread(): number {
    return this._received.size(this.type === SOCK_DGRAM ? 'first' : 'all');
  }
  get unsent(): number {
    return this._inFlight;
  }

  tryReceive(to: Sink, how: Receive): Tried<Incoming> | 'end' {
    const wanted = to.remaining;
    const take = { peek: how.peek, oneSender: this.options.isOn(SO_PASSCRED) };
    if (this.type !== SOCK_DGRAM && this._state !== 'connected') {
      return fail(this.isStream ? E.EINVAL : E.ENOTCONN);
    }
    const taken = this.isStream ? this._received.takeStream(to, take) : this._received.takeMessage(to, take);
    if (taken) {
      if (taken.count === 0 && wanted > 0 && taken.length > 0) return fail(E.EFAULT);
      if (!how.peek && this._waiting.size > 0) this._wakeWaiting();
      return taken;
    }
    const error = this.takeError();
    if (error !== 0) return fail(error);
    if (!this._receiveShut) return WOULD_BLOCK;
    return this.type === SOCK_DGRAM && !how.waits ? WOULD_BLOCK : 'end';
  }

  trySend(from: Source, message: Outgoing): Tried<number> {
    if (this.type === SOCK_DGRAM) return this._sendDatagram(from, message);
    if (this.isStream && message.to) return fail(this.isConnected ? E.EISCONN : E.EOPNOTSUPP);
    const peer = this._peer;
    if (!peer || !this.isConnected) return fail(E.ENOTCONN);
    if (this.error !== undefined && !this.isStream) return fail(this.takeError() || E.EPIPE);
    if (this._sendShut || peer._closed || peer._receiveShut) return fail(E.EPIPE);
    return this.isStream ? this._sendStream(peer, from, message) : this._sendMessage(peer, from, message);
  }

  shutdown(how: number): Failure | undefined {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return fail(E.EINVAL);
    if (how !== SHUT_WR) this._receiveShut = true;
    if (how !== SHUT_RD) this._sendShut = true;
    const peer = this.type === SOCK_DGRAM ? undefined : this._peer;
    // What one side will not do, the other need not wait for; datagram sockets do not tell each other.
    if (peer) {
      if (how !== SHUT_WR) peer._sendShut = true;
      if (how !== SHUT_RD) peer._receiveShut = true;
    }
    this.queue.notify(EVERYONE);
    peer?.queue.notify(EVERYONE);
    if (how !== SHUT_WR) this._wakeWaiting();
    return undefined;
  }

  override readiness(): number {
    let events = 0;
    if (this.error !== undefined) events |= ERR;
    if (this._receiveShut && this._sendShut) events |= HUP;
    if (this._receiveShut) events |= RDHUP | IN | RDNORM;
    if (!this._received.empty || this._arrivals.length > 0) events |= IN | RDNORM;
    if (this.type !== SOCK_DGRAM && this._state === 'unconnected') events |= HUP;
    if (this._writable()) events |= OUT | WRNORM | WRBAND;
    return events;
  }

  /** Origin: a message of this socket was queued, or (negative) read whole. */
  charge(cost: number): void {
    this._inFlight += cost;
    if (cost < 0 && this._inFlight * 4 <= this.options.sendBuffer) this.queue.notify(WRITABLE);
  }

  // --- Carrier, for the collector of sockets in flight ---

  *carried(): Iterable<FileDescription> {
    yield* this._received.rights();
    for (const arrival of this._arrivals) yield* arrival._received.rights();
  }

  dropCarried(): void {
    this._received.clear();
    for (const arrival of this._arrivals) arrival._received.clear();
  }

  override release(): void {
    super.release();
    if (!this._closed) this.network.inFlight.released(this);
  }

  protected override onClose(): void {
    this._closed = true;
    this.network.unixSockets.delete(this);
    unbindUnix(this);
    for (const arrival of this._arrivals) arrival._refuse();
    this._arrivals = [];
    const unread = !this._received.empty;
    this._received.clear();
    if (this.type !== SOCK_DGRAM && this._peer) this._peer._lostPeer({ unread });
    this._wakeWaiting();
  }

  // --- Parts ---

  private _join(peer: UnixSocket, sender: Sender): void {
    this._peer = peer;
    this._peerSender = senderOf(sender);
    this._state = 'connected';
  }

  private _find(caller: Caller, address: Uint8Array): UnixSocket | Failure {
    const parsed = parseUnixAddress(address);
    if (parsed instanceof Failure) return parsed;
    if (parsed === 'auto') return fail(E.EINVAL);
    return findUnix(this.network, caller, parsed, this.type);
  }

  /** Where datagrams go from now on; an address of family AF_UNSPEC: nowhere. */
  private _connectDatagrams(caller: Caller, address: Uint8Array): Tried<0> {
    if (address.length < 2) return fail(E.EINVAL);
    if (address[0] === 0 && address[1] === 0) {
      this._disconnect();
      return 0;
    }
    const found = this._find(caller, address);
    if (found instanceof Failure) return found;
    if (!found._takesFrom(this)) return fail(E.EPERM);
    if (this._peer !== found) this._disconnect();
    this._join(found, caller);
    this.queue.notify(WRITABLE);
    return 0;
  }

  /** What came from the old peer is lost, and a peer that was connected to us learns so. */
  private _disconnect(): void {
    const peer = this._peer;
    this._peer = undefined;
    this._state = 'unconnected';
    if (!peer || this._received.empty) return;
    this._received.clear();
    this._wakeWaiting();
    if (peer._closed || peer._peer !== this) return;
    peer.error = E.ECONNRESET;
    peer.queue.notify(EVERYONE);
  }

  private _takesFrom(sender: UnixSocket): boolean {
    return this._peer === undefined || this._peer === sender;
  }

  private get _full(): boolean {
    const waiting = this.type === SOCK_DGRAM ? this._received.count : this._arrivals.length;
    return waiting > this._backlog;
  }

  /** Linux: writable while no more than a quarter of the buffer is in use, and the peer has room. */
  private _writable(): boolean {
    if (this.isListening || this._inFlight * 4 > this.options.sendBuffer) return false;
    const peer = this.type === SOCK_DGRAM ? this._peer : undefined;
    if (!peer || peer._peer === this || !peer._full || peer._closed) return true;
    peer._waiting.add(this);
    return false;
  }

  private _wakeWaiting(): void {
    if (this._waiting.size === 0 || (this._full && !this._closed && !this._receiveShut)) return;
    const waiting = [...this._waiting];
    this._waiting.clear();
    for (const socket of waiting) socket.queue.notify(WRITABLE);
  }

  private _lostPeer(how: { unread: boolean }): void {
    this._receiveShut = true;
    this._sendShut = true;
    if (how.unread) this.error = E.ECONNRESET;
    this.queue.notify(EVERYONE);
  }

  /** Ends a connection that nobody accepted: the other side learns that it was reset. */
  private _refuse(): void {
    if (this._peer) this._peer._lostPeer({ unread: true });
    this._peer = undefined;
    this.release();
  }

  private _sendStream(peer: UnixSocket, from: Source, message: Outgoing): Tried<number> {
    let sent = 0;
    let { rights } = message;
    while (from.remaining > 0) {
      if (this._inFlight >= this.options.sendBuffer) return sent > 0 ? sent : WOULD_BLOCK;
      const wanted = Math.min(from.remaining, CHUNK);
      const bytes = copyOut(from, wanted);
      if (bytes.length > 0) {
        peer._deliver(this, bytes, rights, message.sender);
        rights = [];
        sent += bytes.length;
      }
      if (bytes.length < wanted) return sent > 0 ? sent : fail(E.EFAULT);
    }
    return sent;
  }

  private _sendDatagram(from: Source, message: Outgoing): Tried<number> {
    const named = message.to ? this._find(message.caller, message.to) : undefined;
    if (named instanceof Failure) return named;
    const to = named ?? this._peer;
    if (!to) return fail(E.ENOTCONN);
    if (from.remaining > this.options.sendBuffer - 32) return fail(E.EMSGSIZE);
    if (this.error !== undefined) return fail(this.takeError() || E.EPIPE);
    if (this._sendShut) return fail(E.EPIPE);
    if (to._closed) {
      if (!named) this._disconnect();
      return fail(E.ECONNREFUSED);
    }
    if (!to._takesFrom(this)) return fail(E.EPERM);
    if (to._receiveShut) return fail(E.EPIPE);
    if (to._peer !== this && to._full) {
      to._waiting.add(this);
      return WOULD_BLOCK;
    }
    return this._sendMessage(to, from, message);
  }

  private _sendMessage(to: UnixSocket, from: Source, message: Outgoing): Tried<number> {
    const { remaining } = from;
    if (remaining > this.options.sendBuffer - 32) return fail(E.EMSGSIZE);
    if (this._inFlight >= this.options.sendBuffer) return WOULD_BLOCK;
    const bytes = copyOut(from, remaining);
    if (bytes.length < remaining) return fail(E.EFAULT);
    to._deliver(this, bytes, message.rights, message.sender);
    return remaining;
  }

  private _deliver(
    origin: UnixSocket,
    bytes: Uint8Array,
    rights: readonly FileDescription[],
    sender: Sender,
  ): void {
    this._received.push({ bytes, rights, sender: senderOf(sender), origin });
    this.queue.notify(READABLE);
  }
}
