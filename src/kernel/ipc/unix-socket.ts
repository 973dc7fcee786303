/**
 * Unix sockets, unix(7), as socketpair(2) makes them: unnamed and connected from the start. Models
 * Linux's net/unix/af_unix.c.
 *
 * Owner: the home shard of the pair. A socket knows its peer until the peer closes; data on the way
 * is in the receiver's queue and charged to the sender's buffer size.
 */
import { E, type Errno } from '../../abi/errno.js';
import { S_IFSOCK } from '../../abi/mode.js';
import { O_RDWR } from '../../abi/open.js';
import { SHUT_RD, SHUT_RDWR, SHUT_WR, SOCK_DGRAM, SOCK_STREAM } from '../../abi/socket.js';
import { userAddr } from '../../base/brand.js';
import { PseudoInode, pseudoFileSystems } from '../fs/anon/pseudo.js';
import { FileDescription, type Tried } from '../fs/file-description.js';
import type { Sink, Source } from '../fs/io.js';
import { type Failure, fail, type Result } from '../outcome.js';
import type { KernelServices } from '../services.js';
import type { Task } from '../task/task.js';
import { ERR, HUP, IN, OUT, RDHUP, RDNORM, WOULD_BLOCK, WRBAND, WRNORM } from '../wait.js';
import { MessageQueue, type Sender, type Taken } from './message-queue.js';

/** net.core.wmem_default: what SO_SNDBUF and SO_RCVBUF show. */
export const DEFAULT_BUFFER = 212_992;
/** A stream write is cut into messages of at most this many bytes. */
const CHUNK = 65_536;
const FIONREAD = 0x541b;
const SIOCOUTQ = 0x5411;
const EVERYONE = IN | OUT | RDNORM | WRNORM | WRBAND | HUP | ERR | RDHUP;

export interface SendExtras {
  readonly rights: readonly FileDescription[];
  readonly sender: Sender;
}

export class UnixSocket extends FileDescription {
  #peer: UnixSocket | undefined;
  readonly #received = new MessageQueue();
  #receiveShut = false;
  #sendShut = false;
  #error: Errno | undefined;
  /** A datagram socket whose peer has gone learns so from its next send. */
  #refuseOnce = false;
  sendBuffer = DEFAULT_BUFFER;
  /** Options that are kept and shown again, by number. */
  readonly options = new Map<number, number>();

  constructor(
    readonly services: KernelServices,
    /** SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. */
    readonly type: number,
    readonly creator: Sender,
    flags: number,
  ) {
    const owner = { uid: creator.creds.fsuid, gid: creator.creds.fsgid };
    super(new PseudoInode(pseudoFileSystems(services).sockfs, S_IFSOCK | 0o777, owner), undefined, flags);
  }

  static pair(
    services: KernelServices,
    type: number,
    creator: Sender,
    flags: number,
  ): [UnixSocket, UnixSocket] {
    const a = new UnixSocket(services, type, creator, O_RDWR | flags);
    const b = new UnixSocket(services, type, creator, O_RDWR | flags);
    a.#peer = b;
    b.#peer = a;
    return [a, b];
  }

  /** Whether it counts as connected: a datagram socket no longer does once it learnt that its peer is gone. */
  get connected(): boolean {
    return this.type !== SOCK_DGRAM || this.#peer !== undefined || this.#refuseOnce;
  }

  /** Whether it takes no more (shutdown). */
  get deaf(): boolean {
    return this.#receiveShut;
  }

  /** SO_ERROR: reading it clears it. */
  takeError(): Errno | 0 {
    const error = this.#error ?? 0;
    this.#error = undefined;
    return error;
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    const taken = this.tryReceive(to, 'consume');
    if (taken === 'end') return 0;
    if (typeof taken === 'symbol' || !('rights' in taken)) return taken;
    // read(2) has no place for descriptors: they are closed, as in Linux.
    for (const file of taken.rights) file.release();
    return taken.count;
  }

  /** `end`: the peer sends no more. */
  tryReceive(to: Sink, mode: 'consume' | 'peek'): Tried<Taken> | 'end' {
    const wanted = to.remaining;
    const taken =
      this.type === SOCK_STREAM ? this.#received.takeStream(to, mode) : this.#received.takeMessage(to, mode);
    if (taken) {
      if (taken.count === 0 && wanted > 0 && taken.length > 0) return fail(E.EFAULT);
      if (mode === 'consume') this.#peer?.queue.notify(OUT | WRNORM | WRBAND);
      return taken;
    }
    const error = this.takeError();
    if (error !== 0) return fail(error);
    if (this.#receiveShut) return 'end';
    return WOULD_BLOCK;
  }

  override tryWrite(from: Source, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    return this.trySend(from, { rights: [], sender: this.creator });
  }

  /** The references of `extras.rights` become the message's when a number ≥ 0 comes back. */
  trySend(from: Source, extras: SendExtras): Tried<number> {
    const refused = this.#refusal();
    if (refused) return refused;
    const peer = this.#peer;
    if (!peer) return fail(E.ENOTCONN);
    if (this.type === SOCK_STREAM) return this.#sendStream(peer, from, extras);
    const { remaining } = from;
    if (remaining > this.sendBuffer - 32) return fail(E.EMSGSIZE);
    if (peer.#received.charged >= this.sendBuffer) return WOULD_BLOCK;
    const bytes = copy(from, remaining);
    if (bytes.length < remaining) return fail(E.EFAULT);
    peer.#deliver(bytes, extras);
    return remaining;
  }

  shutdown(how: number): Failure | undefined {
    if (how !== SHUT_RD && how !== SHUT_WR && how !== SHUT_RDWR) return fail(E.EINVAL);
    if (!this.connected) return fail(E.ENOTCONN);
    if (how !== SHUT_WR) this.#receiveShut = true;
    if (how !== SHUT_RD) this.#sendShut = true;
    // What one side will not do, the other need not wait for; datagram sockets do not tell each other.
    if (this.#peer && this.type !== SOCK_DGRAM) {
      if (how !== SHUT_WR) this.#peer.#sendShut = true;
      if (how !== SHUT_RD) this.#peer.#receiveShut = true;
    }
    this.queue.notify(EVERYONE);
    this.#peer?.queue.notify(EVERYONE);
    return undefined;
  }

  override readiness(): number {
    let events = 0;
    if (this.#error !== undefined) events |= ERR;
    if (this.#receiveShut && this.#sendShut) events |= HUP;
    if (this.#receiveShut) events |= RDHUP | IN | RDNORM;
    if (!this.#received.empty) events |= IN | RDNORM;
    // Linux: writable while no more than a quarter of the buffer is in use.
    if (this.#inFlight * 4 <= this.sendBuffer) events |= OUT | WRNORM | WRBAND;
    return events;
  }

  override ioctl(task: Task, request: number, arg: number): Result {
    const value =
      request === FIONREAD
        ? this.#received.size(this.type === SOCK_STREAM ? 'stream' : 'message')
        : request === SIOCOUTQ
          ? this.#inFlight
          : undefined;
    if (value === undefined) return fail(E.ENOTTY);
    task.memory.writeU32(userAddr(arg), value);
    return 0;
  }

  override fsync(): Failure | undefined {
    return fail(E.EINVAL);
  }

  override linkName(): string {
    return `socket:[${this.inode.attributes().ino}]`;
  }

  protected override onClose(): void {
    const peer = this.#peer;
    this.#peer = undefined;
    const unread = !this.#received.empty;
    this.#received.clear();
    if (peer) {
      peer.#peer = undefined;
      peer.#lostPeer({ unread });
    }
  }

  /** What this socket sent and its peer has not read. */
  get #inFlight(): number {
    return this.#peer ? this.#peer.#received.charged : 0;
  }

  #lostPeer(how: { unread: boolean }): void {
    if (this.type === SOCK_DGRAM) {
      this.#refuseOnce = true;
    } else {
      this.#receiveShut = true;
      this.#sendShut = true;
      if (how.unread) this.#error = E.ECONNRESET;
    }
    this.queue.notify(EVERYONE);
  }

  #refusal(): Failure | undefined {
    if (this.#error !== undefined && this.type !== SOCK_STREAM) return fail(this.takeError() || E.EIO);
    if (this.#sendShut) return fail(E.EPIPE);
    if (this.#refuseOnce) {
      this.#refuseOnce = false;
      return fail(E.ECONNREFUSED);
    }
    return this.#peer?.deaf ? fail(E.EPIPE) : undefined;
  }

  #sendStream(peer: UnixSocket, from: Source, extras: SendExtras): Tried<number> {
    let sent = 0;
    let carried = extras;
    while (from.remaining > 0) {
      if (peer.#received.charged >= this.sendBuffer) return sent > 0 ? sent : WOULD_BLOCK;
      const wanted = Math.min(from.remaining, CHUNK);
      const bytes = copy(from, wanted);
      if (bytes.length > 0) {
        peer.#deliver(bytes, carried);
        carried = { rights: [], sender: extras.sender };
        sent += bytes.length;
      }
      if (bytes.length < wanted) return sent > 0 ? sent : fail(E.EFAULT);
    }
    return sent;
  }

  #deliver(bytes: Uint8Array, extras: SendExtras): void {
    this.#received.push({ bytes, start: 0, rights: extras.rights, sender: extras.sender });
    this.queue.notify(IN | RDNORM);
  }
}

/** Up to `length` bytes of `from`, as an array of their own. */
function copy(from: Source, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const part = from.take(length - at);
    if (part.length === 0) return out.subarray(0, at);
    out.set(part, at);
    at += part.length;
  }
  return out;
}
