/**
 * What every socket can do, socket(7): the contract between the socket calls and the families. Compare
 * struct proto_ops of Linux's net.
 *
 * Owner: its home shard. Nothing here blocks: what would wait answers WOULD_BLOCK, `readiness` and the
 * queue say when trying again may help, and the system call waits. Addresses are the bytes of a
 * struct sockaddr, as guests pass them.
 */
import { E, type Errno } from '../../abi/errno.js';
import { SIOCGIF_FIRST, SIOCGIF_LAST, SIOCOUTQ } from '../../abi/inet.js';
import { S_IFSOCK } from '../../abi/mode.js';
import { FIONREAD } from '../../abi/termios.js';
import { userAddr } from '../../base/brand.js';
import type { Credentials } from '../auth/credentials.js';
import { PseudoInode, pseudoFileSystems } from '../fs/anon/pseudo.js';
import { FileDescription, type Tried } from '../fs/file-description.js';
import type { Sink, Source } from '../fs/io.js';
import type { WalkContext } from '../fs/walk.js';
import { type Failure, fail, type Result } from '../outcome.js';
import type { KernelServices } from '../services.js';
import type { Task } from '../task/task.js';
import { ERR, HUP, IN, OUT, RDHUP, RDNORM, WRBAND, WRNORM } from '../wait.js';
import { interfaceRequest } from './interface-requests.js';
import { SocketOptions } from './socket-options.js';

/** Whoever waits for anything of a socket. */
export const EVERYONE = IN | OUT | RDNORM | WRNORM | WRBAND | HUP | ERR | RDHUP;
export const READABLE = IN | RDNORM;
export const WRITABLE = OUT | WRNORM | WRBAND;

/** Who sends a message or made a socket: SCM_CREDENTIALS, SO_PEERCRED. */
export interface Sender {
  readonly pid: number;
  readonly creds: Credentials;
}

/** Who somebody is, without what he may reach: to be kept. */
export function senderOf({ pid, creds }: Sender): Sender {
  return { pid, creds };
}

/** Who calls: for permissions, and for the names of Unix sockets. */
export interface Caller extends Sender {
  /** From where paths are walked. */
  places(path: string): WalkContext;
}

/** A control message that is neither rights nor credentials. */
export interface ControlItem {
  readonly level: number;
  readonly type: number;
  readonly body: Uint8Array;
}

export interface Outgoing {
  /** The address of sendto(2), if there is one. */
  readonly to: Uint8Array | undefined;
  readonly caller: Caller;
  /** Who is told to have sent it. */
  readonly sender: Sender;
  /** One reference each; the message's once a number comes back from trySend, else the caller's. */
  readonly rights: readonly FileDescription[];
  /** Control messages of protocols. */
  readonly control?: readonly ControlItem[];
  readonly flags: number;
}

export interface Incoming {
  readonly count: number;
  /** Length of the whole message, which may be more than was wanted (datagrams). */
  readonly length: number;
  /** Part of the message did not fit and is lost. */
  readonly truncated: boolean;
  /** The receiver's to release. */
  readonly rights: readonly FileDescription[];
  readonly sender?: Sender | undefined;
  /** The sender's address; empty where it has none. */
  readonly from: Uint8Array;
  readonly control?: readonly ControlItem[];
}

export const NO_NAME = new Uint8Array(0);

export interface Receive {
  /** Leave what is received where it is. */
  readonly peek: boolean;
  /** Drop the bytes instead of copying them (MSG_TRUNC on TCP). */
  readonly discard: boolean;
  /** Whether the receiver would wait: a datagram socket that was shut down answers `end` only then. */
  readonly waits: boolean;
}

export const PLAIN_RECEIVE: Receive = { peek: false, discard: false, waits: true };

export abstract class Socket extends FileDescription {
  abstract readonly family: number;
  abstract readonly protocol: number;
  readonly options: SocketOptions;
  readonly creator: Sender;
  protected error: Errno | undefined;

  constructor(
    readonly services: KernelServices,
    /** SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. */
    readonly type: number,
    creator: Sender,
    flags: number,
    options = new SocketOptions(),
  ) {
    const owner = { uid: creator.creds.fsuid, gid: creator.creds.fsgid };
    super(new PseudoInode(pseudoFileSystems(services).sockfs, S_IFSOCK | 0o777, owner), undefined, flags);
    this.options = options;
    this.creator = senderOf(creator);
  }

  // --- What the families answer ---

  abstract bind(caller: Caller, address: Uint8Array): Failure | undefined;
  /**
   * Goes one step on the way to a connection: 0 when there. WOULD_BLOCK: try again when ready; a caller
   * that does not wait gets `connectPending`.
   */
  abstract tryConnect(caller: Caller, address: Uint8Array): Tried<0>;
  readonly connectPending: Errno = E.EAGAIN;
  abstract listenFor(caller: Caller, backlog: number): Failure | undefined;
  /** The next connection; `flags` are its file status flags. */
  abstract tryAccept(flags: number): Tried<Socket>;
  abstract localName(): Uint8Array;
  /** Undefined: not connected. */
  abstract peerName(): Uint8Array | undefined;
  abstract shutdown(how: number): Failure | undefined;
  abstract trySend(from: Source, message: Outgoing): Tried<number>;
  /** `end`: the other side sends no more. */
  abstract tryReceive(to: Sink, how: Receive): Tried<Incoming> | 'end';
  /** Bytes that can be received now; bytes sent that the other side has not got. */
  abstract readonly unread: number;
  abstract readonly unsent: number;
  /** Whether a write goes on until all is written, and EPIPE comes with SIGPIPE. */
  abstract readonly isStream: boolean;
  abstract readonly isListening: boolean;
  /** Whom SO_PEERCRED tells of. */
  get peerSender(): Sender | undefined {
    return undefined;
  }
  /** Options of other levels than SOL_SOCKET; undefined when the level is not known. */
  getOption(_level: number, _name: number): Uint8Array | Failure {
    return fail(E.EOPNOTSUPP);
  }
  setOption(_caller: Caller, _level: number, _name: number, _value: Uint8Array): Failure | undefined {
    return fail(E.ENOPROTOOPT);
  }
  /** A buffer size or a mark changed. */
  optionsChanged(): void {}

  // --- What they have in common ---

  /** SO_ERROR: reading it clears it. */
  takeError(): Errno | 0 {
    const error = this.error ?? 0;
    this.error = undefined;
    return error;
  }

  override get receiveTimeoutNs(): number {
    return this.options.receiveTimeoutNs;
  }
  override get sendTimeoutNs(): number {
    return this.options.sendTimeoutNs;
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    if (to.remaining === 0) return 0;
    const taken = this.tryReceive(to, PLAIN_RECEIVE);
    if (taken === 'end') return 0;
    if (typeof taken === 'symbol' || !('rights' in taken)) return taken;
    // read(2) has no place for descriptors: they are closed, as in Linux.
    for (const file of taken.rights) file.release();
    return taken.count;
  }

  override tryWrite(from: Source, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    // Who writes is whoever works right now.
    const task = this.services.tasks.current;
    const sender = task ? { pid: task.group.pid, creds: task.creds } : this.creator;
    const caller = { ...sender, places: noPlaces };
    return this.trySend(from, { to: undefined, caller, sender, rights: [], flags: 0 });
  }

  override ioctl(task: Task, request: number, arg: number): Result {
    if (request >= SIOCGIF_FIRST && request <= SIOCGIF_LAST) return interfaceRequest(task, request, arg);
    if (request !== FIONREAD && request !== SIOCOUTQ) return fail(E.ENOTTY);
    if (this.isListening) return fail(E.EINVAL);
    task.memory.writeU32(userAddr(arg), request === FIONREAD ? this.unread : this.unsent);
    return 0;
  }

  override fsync(): Failure | undefined {
    return fail(E.EINVAL);
  }

  override linkName(): string {
    return `socket:[${this.ino}]`;
  }

  get ino(): number {
    return (this.inode as PseudoInode).ino;
  }
}

function noPlaces(): never {
  throw new TypeError('a write names no path');
}
