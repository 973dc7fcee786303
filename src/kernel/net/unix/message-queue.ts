/**
 * What a Unix socket has received and nobody has read: messages in order, each with what travelled
 * along. A stream reads across messages, but not past the end of one that carries descriptors.
 *
 * Owner: the receiving socket. What a message costs is charged to its origin until it is read whole.
 */

import type { FileDescription } from '../../fs/file-description.js';
import type { Sink } from '../../fs/io.js';
import type { Incoming, Sender } from '../socket.js';
import type { InFlight } from './in-flight.js';

/** The sending socket. */
export interface Origin {
  charge(cost: number): void;
  /** The name it has now. */
  readonly name: Uint8Array;
}

export interface Message {
  readonly bytes: Uint8Array;
  /** Where unread bytes begin. */
  start: number;
  /** Descriptions in flight (SCM_RIGHTS): one reference each is held. */
  rights: readonly FileDescription[];
  readonly sender: Sender;
  readonly origin: Origin;
}

/** What a message costs beside its bytes; about what struct sk_buff and its head take in Linux. */
const OVERHEAD = 768;

export interface Take {
  readonly peek: boolean;
  /** Bytes of different senders are not mixed (SO_PASSCRED). */
  readonly oneSender: boolean;
}

export class MessageQueue {
  private _messages: Message[] = [];

  /** `inFlight` hears of descriptors that come to be in flight here, and of those that leave. */
  constructor(readonly inFlight?: Pick<InFlight, 'landed' | 'taken'>) {}

  get empty(): boolean {
    return this._messages.length === 0;
  }

  get count(): number {
    return this._messages.length;
  }

  /** Unread bytes of all messages, or of the first (SIOCINQ). */
  size(of: 'all' | 'first'): number {
    const first = this._messages[0];
    if (of === 'first') return first ? first.bytes.length - first.start : 0;
    return this._messages.reduce((sum, m) => sum + m.bytes.length - m.start, 0);
  }

  /** Descriptions in flight here. */
  *rights(): Iterable<FileDescription> {
    for (const m of this._messages) yield* m.rights;
  }

  push(message: Omit<Message, 'start'>): void {
    this._messages.push({ ...message, start: 0 });
    message.origin.charge(message.bytes.length + OVERHEAD);
    if (message.rights.length > 0) this.inFlight?.landed(message.rights);
  }

  /** Bytes of the stream until `to` is full, up to the end of a message with descriptors. */
  takeStream(to: Sink, how: Take): Incoming | undefined {
    const first = this._messages[0];
    if (!first) return undefined;
    const { sender, origin } = first;
    let count = 0;
    let rights: readonly FileDescription[] = [];
    let index = 0;
    for (let m: Message | undefined = first; m && to.remaining > 0; m = this._messages[index]) {
      if (how.oneSender && !sameSender(m.sender, sender)) break;
      const unread = m.bytes.length - m.start;
      const n = Math.max(0, to.put(m.bytes.subarray(m.start, m.start + to.remaining)));
      if (n === 0 && unread > 0) break;
      count += n;
      if (m.rights.length > 0) rights = this._handOver(m, how);
      if (how.peek) index++;
      else this._consume(m, n);
      if (n < unread || rights.length > 0) break;
    }
    return { count, length: first.bytes.length, rights, sender, from: origin.name, truncated: false };
  }

  /** One whole message; what does not fit is lost. */
  takeMessage(to: Sink, how: Take): Incoming | undefined {
    const first = this._messages[0];
    if (!first) return undefined;
    const { length } = first.bytes;
    const wanted = Math.min(length, to.remaining);
    const count = wanted > 0 ? Math.max(0, to.put(first.bytes.subarray(0, wanted))) : 0;
    const rights = this._handOver(first, how);
    if (!how.peek) this._shift();
    const truncated = wanted < length;
    return { count, length, rights, sender: first.sender, from: first.origin.name, truncated };
  }

  /** Forgets everything, giving up the descriptors in flight. */
  clear(): void {
    const messages = this._messages;
    this._messages = [];
    for (const m of messages) {
      m.origin.charge(-(m.bytes.length + OVERHEAD));
      if (m.rights.length > 0) this.inFlight?.taken(m.rights);
      for (const file of m.rights) file.release();
    }
  }

  private _handOver(m: Message, how: Take): readonly FileDescription[] {
    if (how.peek) return m.rights.map((file) => file.retain());
    if (m.rights.length > 0) this.inFlight?.taken(m.rights);
    return m.rights;
  }

  private _consume(message: Message, count: number): void {
    message.start += count;
    message.rights = [];
    if (message.start === message.bytes.length) this._shift();
  }

  private _shift(): void {
    const gone = this._messages.shift();
    gone?.origin.charge(-(gone.bytes.length + OVERHEAD));
  }
}

function sameSender(a: Sender, b: Sender): boolean {
  return a.pid === b.pid && a.creds.uid === b.creds.uid && a.creds.gid === b.creds.gid;
}
