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
  #state: State = 'unconnected';
  #peer: UnixSocket | undefined;
  #closed = false;
  readonly #received: MessageQueue;
  #receiveShut = false;
  #sendShut = false;
  #inFlight = 0;
  #peerSender: Sender | undefined;
  /** Connections that wait to be accepted. */
  #arrivals: UnixSocket[] = [];
  #backlog = DATAGRAM_BACKLOG;
  /** Those that wait for room here: to connect, or to send a datagram. */
  readonly #waiting = new Set<UnixSocket>();

  constructor(services: KernelServices, type: number, creator: Sender, flags: number) {
    super(services, type, creator, flags);
    this.network = networkOf(services);
    const { inFlight } = this.network;
    this.#received = new MessageQueue(
      (rights) => inFlight.landed(rights),
      (rights) => inFlight.taken(rights),
    );
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
    a.#join(b, creator);
    b.#join(a, creator);
    return [a, b];
  }

  get isStream(): boolean {
    return this.type === SOCK_STREAM;
  }
  get isListening(): boolean {
    return this.#state === 'listening';
  }
  get isConnected(): boolean {
    return this.#state === 'connected';
  }
  override get peerSender(): Sender | undefined {
    return this.#peerSender;
  }

  // --- Names and connections ---

  bind(caller: Caller, address: Uint8Array): Failure | undefined {
    const parsed = parseUnixAddress(address);
    return parsed instanceof Failure ? parsed : bindUnix(this, caller, parsed);
  }

  tryConnect(caller: Caller, address: Uint8Array): Tried<0> {
    if (this.type === SOCK_DGRAM) return this.#connectDatagrams(caller, address);
    const listener = this.#find(caller, address);
    if (listener instanceof Failure) return listener;
    if (listener.#state !== 'listening' || listener.#receiveShut) return fail(E.ECONNREFUSED);
    if (listener.#full) {
      listener.#waiting.add(this);
      return WOULD_BLOCK;
    }
    if (this.#state !== 'unconnected') return fail(this.#state === 'connected' ? E.EISCONN : E.EINVAL);
    const arrival = new UnixSocket(this.services, this.type, caller, O_RDWR);
    arrival.address = listener.address;
    arrival.#join(this, caller);
    this.#join(arrival, listener.#peerSender ?? listener.creator);
    listener.#arrivals.push(arrival);
    listener.queue.notify(READABLE);
    return 0;
  }

  listenFor(caller: Caller, backlog: number): Failure | undefined {
    if (this.type === SOCK_DGRAM) return fail(E.EOPNOTSUPP);
    if (!this.address || this.#state === 'connected') return fail(E.EINVAL);
    this.#backlog = Math.min(backlog >>> 0, SOMAXCONN);
    this.#state = 'listening';
    this.#peerSender = caller;
    this.#wakeWaiting();
    return undefined;
  }

  tryAccept(flags: number): Tried<Socket> {
    if (this.type === SOCK_DGRAM) return fail(E.EOPNOTSUPP);
    if (this.#state !== 'listening') return fail(E.EINVAL);
    const arrival = this.#arrivals.shift();
    if (!arrival) return this.#receiveShut ? fail(E.EINVAL) : WOULD_BLOCK;
    arrival.flags |= flags;
    this.#wakeWaiting();
    return arrival;
  }

  get name(): Uint8Array {
    return this.address?.bytes ?? new Uint8Array(0);
  }
  localName(): Uint8Array {
    return this.address?.bytes ?? UNNAMED;
  }
  peerName(): Uint8Array | undefined {
    return this.#peer?.localName();
  }

  // --- Data ---

  get unread(): number {
    return this.#received.size(this.type === SOCK_DGRAM ? 'first' : 'all');
  }
  get unsent(): number {
    return this.#inFlight;
  }

  tryReceive(to: Sink, how: Receive): Tried<Incoming> | 'end' {
    const wanted = to.remaining;
    const take = { peek: how.peek, oneSender: this.options.isOn(SO_PASSCRED) };
    if (this.type !== SOCK_DGRAM && this.#state !== 'connected') {
      return fail(this.isStream ? E.EINVAL : E.ENOTCONN);
    }
    const taken = this.isStream ? this.#received.takeStream(to, take) : this.#received.takeMessage(to, take);
    if (taken) {
      if (taken.count === 0 && wanted > 0 && taken.length > 0) return fail(E.EFAULT);
      if (!how.peek && this.#waiting.size > 0) this.#wakeWaiting();
      return taken;
    }
    const error = this.takeError();
    if (error !== 0) return fail(error);
    if (!this.#receiveShut) return WOULD_BLOCK;
    return this.type === SOCK_DGRAM && !how.waits ? WOULD_BLOCK : 'end';
  }

  trySend(from: Source, message: Outgoing): Tried<number> {
    if (this.type === SOCK_DGRAM) return this.#sendDatagram(from, message);
    if (this.isStream && message.to) return fail(this.isConnected ? E.EISCONN : E.EOPNOTSUPP);
    const peer = this.#peer;
    if (!peer || !this.isConnected) return fail(E.ENOTCONN);
    if (this.error !== undefined && !this.isStream) return fail(this.takeError() || E.EPIPE);
    if (this.#sendShut || peer.#closed || peer.#receiveShut) return fail(E.EPIPE);
    return this.isStream ? this.#sendStream(peer, from, message) : this.#sendMessage(peer, from, message);
  }

  shutdown(how: number): Failure | undefined {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return fail(E.EINVAL);
    if (how !== SHUT_WR) this.#receiveShut = true;
    if (how !== SHUT_RD) this.#sendShut = true;
    const peer = this.type === SOCK_DGRAM ? undefined : this.#peer;
    // What one side will not do, the other need not wait for; datagram sockets do not tell each other.
    if (peer) {
      if (how !== SHUT_WR) peer.#sendShut = true;
      if (how !== SHUT_RD) peer.#receiveShut = true;
    }
    this.queue.notify(EVERYONE);
    peer?.queue.notify(EVERYONE);
    if (how !== SHUT_WR) this.#wakeWaiting();
    return undefined;
  }

  override readiness(): number {
    let events = 0;
    if (this.error !== undefined) events |= ERR;
    if (this.#receiveShut && this.#sendShut) events |= HUP;
    if (this.#receiveShut) events |= RDHUP | IN | RDNORM;
    if (!this.#received.empty || this.#arrivals.length > 0) events |= IN | RDNORM;
    if (this.type !== SOCK_DGRAM && this.#state === 'unconnected') events |= HUP;
    if (this.#writable()) events |= OUT | WRNORM | WRBAND;
    return events;
  }

  /** Origin: a message of this socket was queued, or (negative) read whole. */
  charge(cost: number): void {
    this.#inFlight += cost;
    if (cost < 0 && this.#inFlight * 4 <= this.options.sendBuffer) this.queue.notify(WRITABLE);
  }

  // --- Carrier, for the collector of sockets in flight ---

  *carried(): Iterable<FileDescription> {
    yield* this.#received.rights();
    for (const arrival of this.#arrivals) yield* arrival.#received.rights();
  }

  dropCarried(): void {
    this.#received.clear();
    for (const arrival of this.#arrivals) arrival.#received.clear();
  }

  override release(): void {
    super.release();
    if (!this.#closed) this.network.inFlight.released(this);
  }

  protected override onClose(): void {
    this.#closed = true;
    this.network.unixSockets.delete(this);
    unbindUnix(this);
    for (const arrival of this.#arrivals) arrival.#refuse();
    this.#arrivals = [];
    const unread = !this.#received.empty;
    this.#received.clear();
    if (this.type !== SOCK_DGRAM && this.#peer) this.#peer.#lostPeer({ unread });
    this.#wakeWaiting();
  }

  // --- Parts ---

  #join(peer: UnixSocket, sender: Sender): void {
    this.#peer = peer;
    this.#peerSender = sender;
    this.#state = 'connected';
  }

  #find(caller: Caller, address: Uint8Array): UnixSocket | Failure {
    const parsed = parseUnixAddress(address);
    if (parsed instanceof Failure) return parsed;
    if (parsed === 'auto') return fail(E.EINVAL);
    return findUnix(this.network, caller, parsed, this.type);
  }

  /** Where datagrams go from now on; an address of family AF_UNSPEC: nowhere. */
  #connectDatagrams(caller: Caller, address: Uint8Array): Tried<0> {
    if (address.length < 2) return fail(E.EINVAL);
    if (address[0] === 0 && address[1] === 0) {
      this.#disconnect();
      return 0;
    }
    const found = this.#find(caller, address);
    if (found instanceof Failure) return found;
    if (!found.#takesFrom(this)) return fail(E.EPERM);
    if (this.#peer !== found) this.#disconnect();
    this.#join(found, caller);
    this.queue.notify(WRITABLE);
    return 0;
  }

  /** What came from the old peer is lost, and a peer that was connected to us learns so. */
  #disconnect(): void {
    const peer = this.#peer;
    this.#peer = undefined;
    this.#state = 'unconnected';
    if (!peer || this.#received.empty) return;
    this.#received.clear();
    this.#wakeWaiting();
    if (peer.#closed || peer.#peer !== this) return;
    peer.error = E.ECONNRESET;
    peer.queue.notify(EVERYONE);
  }

  #takesFrom(sender: UnixSocket): boolean {
    return this.#peer === undefined || this.#peer === sender;
  }

  get #full(): boolean {
    const waiting = this.type === SOCK_DGRAM ? this.#received.count : this.#arrivals.length;
    return waiting > this.#backlog;
  }

  /** Linux: writable while no more than a quarter of the buffer is in use, and the peer has room. */
  #writable(): boolean {
    if (this.isListening || this.#inFlight * 4 > this.options.sendBuffer) return false;
    const peer = this.type === SOCK_DGRAM ? this.#peer : undefined;
    if (!peer || peer.#peer === this || !peer.#full || peer.#closed) return true;
    peer.#waiting.add(this);
    return false;
  }

  #wakeWaiting(): void {
    if (this.#waiting.size === 0 || (this.#full && !this.#closed && !this.#receiveShut)) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const socket of waiting) socket.queue.notify(WRITABLE);
  }

  #lostPeer(how: { unread: boolean }): void {
    this.#receiveShut = true;
    this.#sendShut = true;
    if (how.unread) this.error = E.ECONNRESET;
    this.queue.notify(EVERYONE);
  }

  /** Ends a connection that nobody accepted: the other side learns that it was reset. */
  #refuse(): void {
    if (this.#peer) this.#peer.#lostPeer({ unread: true });
    this.#peer = undefined;
    this.release();
  }

  #sendStream(peer: UnixSocket, from: Source, message: Outgoing): Tried<number> {
    let sent = 0;
    let { rights } = message;
    while (from.remaining > 0) {
      if (this.#inFlight >= this.options.sendBuffer) return sent > 0 ? sent : WOULD_BLOCK;
      const wanted = Math.min(from.remaining, CHUNK);
      const bytes = copyOut(from, wanted);
      if (bytes.length > 0) {
        peer.#deliver(this, bytes, rights, message.sender);
        rights = [];
        sent += bytes.length;
      }
      if (bytes.length < wanted) return sent > 0 ? sent : fail(E.EFAULT);
    }
    return sent;
  }

  #sendDatagram(from: Source, message: Outgoing): Tried<number> {
    const named = message.to ? this.#find(message.caller, message.to) : undefined;
    if (named instanceof Failure) return named;
    const to = named ?? this.#peer;
    if (!to) return fail(E.ENOTCONN);
    if (from.remaining > this.options.sendBuffer - 32) return fail(E.EMSGSIZE);
    if (this.error !== undefined) return fail(this.takeError() || E.EPIPE);
    if (this.#sendShut) return fail(E.EPIPE);
    if (to.#closed) {
      if (!named) this.#disconnect();
      return fail(E.ECONNREFUSED);
    }
    if (!to.#takesFrom(this)) return fail(E.EPERM);
    if (to.#receiveShut) return fail(E.EPIPE);
    if (to.#peer !== this && to.#full) {
      to.#waiting.add(this);
      return WOULD_BLOCK;
    }
    return this.#sendMessage(to, from, message);
  }

  #sendMessage(to: UnixSocket, from: Source, message: Outgoing): Tried<number> {
    const { remaining } = from;
    if (remaining > this.options.sendBuffer - 32) return fail(E.EMSGSIZE);
    if (this.#inFlight >= this.options.sendBuffer) return WOULD_BLOCK;
    const bytes = copyOut(from, remaining);
    if (bytes.length < remaining) return fail(E.EFAULT);
    to.#deliver(this, bytes, message.rights, message.sender);
    return remaining;
  }

  #deliver(origin: UnixSocket, bytes: Uint8Array, rights: readonly FileDescription[], sender: Sender): void {
    this.#received.push({ bytes, rights, sender, origin });
    this.queue.notify(READABLE);
  }
}
