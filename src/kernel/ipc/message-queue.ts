/**
 * What a Unix socket has received and nobody has read: messages in order, each with what travelled
 * along. A stream reads across messages, but never past one that carries descriptors.
 *
 * Owner: the receiving socket. Invariant: `charged` is what the messages cost the sender's buffer.
 */
import type { Credentials } from '../auth/credentials.js';
import type { FileDescription } from '../fs/file-description.js';
import type { Sink } from '../fs/io.js';

/** Who sent a message: SCM_CREDENTIALS, SO_PEERCRED. */
export interface Sender {
  readonly pid: number;
  readonly creds: Credentials;
}

export interface Message {
  readonly bytes: Uint8Array;
  /** Where unread bytes begin. */
  start: number;
  /** Descriptions in flight (SCM_RIGHTS): one reference each is held. */
  rights: readonly FileDescription[];
  readonly sender: Sender;
}

/** What a message costs beside its bytes; about what struct sk_buff and its head take in Linux. */
const OVERHEAD = 768;

export interface Taken {
  readonly count: number;
  /** Length of the whole message, which may be more than was wanted (datagrams). */
  readonly length: number;
  /** The receiver's to release. */
  readonly rights: readonly FileDescription[];
  readonly sender: Sender;
  /** Part of the message did not fit and is lost. */
  readonly truncated: boolean;
}

export class MessageQueue {
  #messages: Message[] = [];
  charged = 0;

  get empty(): boolean {
    return this.#messages.length === 0;
  }

  /** Unread bytes, or those of the first message (SIOCINQ). */
  size(of: 'stream' | 'message'): number {
    const first = this.#messages[0];
    if (of === 'message') return first ? first.bytes.length - first.start : 0;
    return this.#messages.reduce((sum, m) => sum + m.bytes.length - m.start, 0);
  }

  push(message: Message): void {
    this.#messages.push(message);
    this.charged += message.bytes.length + OVERHEAD;
  }

  /** Bytes of the stream until `to` is full, from one sender and up to the first descriptors. */
  takeStream(to: Sink, mode: 'consume' | 'peek'): Taken | undefined {
    const first = this.#messages[0];
    if (!first) return undefined;
    let count = 0;
    let rights: readonly FileDescription[] = [];
    let index = 0;
    for (let m: Message | undefined = first; m && to.remaining > 0; m = this.#messages[index]) {
      if (count > 0 && m.rights.length > 0) break;
      const unread = m.bytes.length - m.start;
      const n = Math.max(0, to.put(m.bytes.subarray(m.start, m.start + to.remaining)));
      count += n;
      if (m.rights.length > 0) rights = mode === 'peek' ? retained(m.rights) : m.rights;
      if (mode === 'peek') index++;
      else this.#consume(m, n);
      if (n < unread || rights.length > 0) break;
    }
    return { count, length: first.bytes.length, rights, sender: first.sender, truncated: false };
  }

  /** One whole message; what does not fit is lost. */
  takeMessage(to: Sink, mode: 'consume' | 'peek'): Taken | undefined {
    const first = this.#messages[0];
    if (!first) return undefined;
    const { length } = first.bytes;
    const wanted = Math.min(length, to.remaining);
    const count = wanted > 0 ? Math.max(0, to.put(first.bytes.subarray(0, wanted))) : 0;
    const rights = mode === 'peek' ? retained(first.rights) : first.rights;
    if (mode === 'consume') this.#shift();
    return { count, length, rights, sender: first.sender, truncated: wanted < length };
  }

  /** Forgets everything, giving up the descriptors in flight. */
  clear(): void {
    for (const m of this.#messages) for (const file of m.rights) file.release();
    this.#messages = [];
    this.charged = 0;
  }

  #consume(message: Message, count: number): void {
    message.start += count;
    message.rights = [];
    if (message.start === message.bytes.length) this.#shift();
  }

  #shift(): void {
    const gone = this.#messages.shift();
    if (gone) this.charged -= gone.bytes.length + OVERHEAD;
  }
}

function retained(rights: readonly FileDescription[]): readonly FileDescription[] {
  return rights.map((file) => file.retain());
}
