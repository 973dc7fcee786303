/**
 * Netlink sockets, netlink(7), of the one family that programs need to learn about interfaces:
 * NETLINK_ROUTE. The kernel answers while the request is being sent; groups may be joined, and nothing
 * ever happens in them, as interfaces do not change.
 */
import { E } from '../../../abi/errno.js';
import { nlmsghdr, sockaddrNl } from '../../../abi/netlink.js';
import { AF_NETLINK, SOL_NETLINK } from '../../../abi/socket.js';
import type { Tried } from '../../fs/file-description.js';
import type { Sink, Source } from '../../fs/io.js';
import { type Failure, fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { ERR, IN, OUT, RDNORM, WOULD_BLOCK, WRBAND, WRNORM } from '../../wait.js';
import { copyOut } from '../copy-out.js';
import { intBytes } from '../kept-options.js';
import { type Network, networkOf } from '../network.js';
import {
  type Caller,
  type Incoming,
  type Outgoing,
  READABLE,
  type Receive,
  type Sender,
  Socket,
} from '../socket.js';
import { answerRoute } from './route-answers.js';

const KERNEL = sockaddrNl.encode({ family: AF_NETLINK, pad: 0, pid: 0, groups: 0 });

export class NetlinkSocket extends Socket {
  readonly family = AF_NETLINK;
  readonly isStream = false;
  readonly isListening = false;
  readonly unsent = 0;
  readonly network: Network;
  private _port = 0;
  private _groups = 0;
  private readonly _received: Uint8Array[] = [];

  constructor(
    services: KernelServices,
    type: number,
    readonly protocol: number,
    creator: Sender,
    flags: number,
  ) {
    super(services, type, creator, flags);
    this.network = networkOf(services);
  }

  bind(caller: Caller, address: Uint8Array): Failure | undefined {
    if (address.length < sockaddrNl.size) return fail(E.EINVAL);
    const { family, pid, groups } = sockaddrNl.decode(address);
    if (family !== AF_NETLINK) return fail(E.EINVAL);
    if (this._port !== 0 && pid !== 0 && pid !== this._port) return fail(E.EINVAL);
    this._groups = groups;
    return this._port !== 0 ? undefined : this._takePort(caller, pid);
  }

  /** Where messages go: only the kernel listens. */
  tryConnect(caller: Caller, address: Uint8Array): Tried<0> {
    if (address.length < 2) return fail(E.EINVAL);
    return (this._port === 0 ? this._takePort(caller, 0) : undefined) ?? 0;
  }

  private _takePort(caller: Sender, wanted: number): Failure | undefined {
    const { netlinkPorts } = this.network;
    if (wanted !== 0 && netlinkPorts.isTaken(this.protocol, wanted)) return fail(E.EADDRINUSE);
    const port = netlinkPorts.allocate(this.protocol, wanted || caller.pid);
    if (port === undefined) return fail(E.EADDRINUSE);
    this._port = port;
    return undefined;
  }

  listenFor(): Failure {
    return fail(E.EOPNOTSUPP);
  }
  tryAccept(): Tried<Socket> {
    return fail(E.EOPNOTSUPP);
  }
  shutdown(): Failure {
    return fail(E.EOPNOTSUPP);
  }

  localName(): Uint8Array {
    return sockaddrNl.encode({ family: AF_NETLINK, pad: 0, pid: this._port, groups: this._groups });
  }
  override peerName(): Uint8Array {
    return KERNEL;
  }

  get unread(): number {
    return this._received[0]?.length ?? 0;
  }

  trySend(from: Source, message: Outgoing): Tried<number> {
    const { remaining } = from;
    if (message.to && message.to.length >= sockaddrNl.size && sockaddrNl.decode(message.to).pid !== 0) {
      return fail(E.ECONNREFUSED);
    }
    if (this._port === 0) this._takePort(message.caller, 0);
    const bytes = copyOut(from, remaining);
    if (bytes.length < remaining) return fail(E.EFAULT);
    for (const answer of this._answers(bytes)) this._received.push(answer);
    if (this._received.length > 0) this.queue.notify(READABLE);
    return remaining;
  }

  private *_answers(bytes: Uint8Array): Iterable<Uint8Array> {
    for (let at = 0; at + nlmsghdr.size <= bytes.length; ) {
      const { len, type, flags, seq } = nlmsghdr.decode(bytes.subarray(at));
      if (len < nlmsghdr.size || at + len > bytes.length) return;
      const whole = bytes.subarray(at, at + len);
      const body = whole.subarray(nlmsghdr.size);
      yield* answerRoute({ type, flags, seq, body, bytes: whole }, this._port);
      at += Math.ceil(len / 4) * 4;
    }
  }

  tryReceive(to: Sink, how: Receive): Tried<Incoming> | 'end' {
    const first = this._received[0];
    if (!first) return WOULD_BLOCK;
    const wanted = Math.min(first.length, to.remaining);
    const count = wanted > 0 ? to.put(first.subarray(0, wanted)) : 0;
    if (count < wanted) return fail(E.EFAULT);
    if (!how.peek) this._received.shift();
    return { count, length: first.length, truncated: wanted < first.length, rights: [], from: KERNEL };
  }

  override readiness(): number {
    const error = this.error === undefined ? 0 : ERR;
    return OUT | WRNORM | WRBAND | error | (this._received.length > 0 ? IN | RDNORM : 0);
  }

  override getOption(level: number, _name: number): Uint8Array | Failure {
    return level === SOL_NETLINK ? intBytes(0) : fail(E.ENOPROTOOPT);
  }

  override setOption(_caller: Caller, level: number, _name: number, value: Uint8Array): Failure | undefined {
    if (level !== SOL_NETLINK) return fail(E.ENOPROTOOPT);
    return value.length < 4 ? fail(E.EINVAL) : undefined;
  }

  protected override onClose(): void {
    this.network.netlinkPorts.release(this.protocol, this._port);
  }
}
