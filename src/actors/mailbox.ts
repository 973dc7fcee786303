/**
 * Messages over a ring: length, then the value as v8 serializes it, or as both sides agree. A sender never blocks: what finds
 * no room waits in its own queue and goes when the reader has made some.
 */

import { assert } from '../base/assert.js';
import { v8 } from './lazy-builtins.js';
import type { Ring } from './ring.js';

const LENGTH = 4;
/** No honest message is larger; argument lists are limited to 6 MiB (execve(2)). */
const MAX_MESSAGE = 1 << 26;
const RETRY_MS = 1;

export class MailboxSender<M> {
  #queue: Uint8Array[] = [];
  #retry: NodeJS.Timeout | undefined;

  constructor(
    readonly ring: Ring,
    /** Wakes the reader. */
    readonly wake: () => void,
    readonly encode: (message: M) => Uint8Array = (message) => v8().serialize(message),
  ) {}

  /** Something waits for room in the ring. */
  get backlog(): boolean {
    return this.#queue.length > 0;
  }

  send(message: M): void {
    this.put(message);
    this.wake();
  }

  /** The same, for a reader that is woken later. */
  put(message: M): void {
    const body = this.encode(message);
    const framed = new Uint8Array(LENGTH + body.length);
    new DataView(framed.buffer).setUint32(0, body.length, true);
    framed.set(body, LENGTH);
    this.#queue.push(framed);
    this.#pump();
  }

  /** Sends what waits, as far as there is room. */
  pump(): void {
    if (!this.backlog) return;
    this.#pump();
    this.wake();
  }

  #pump(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    for (let part = this.#queue[0]; part; part = this.#queue[0]) {
      const n = this.ring.write(part);
      if (n < part.length) {
        this.#queue[0] = part.subarray(n);
        break;
      }
      this.#queue.shift();
    }
    if (this.#queue.length > 0) this.#retry = setTimeout(() => this.pump(), RETRY_MS);
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#queue = [];
  }
}

export class MailboxReceiver<M> {
  #pending: Uint8Array = new Uint8Array(0);

  constructor(
    readonly ring: Ring,
    readonly decode: (body: Uint8Array) => M = (body) => v8().deserialize(body),
  ) {}

  get waiting(): boolean {
    return this.ring.readable > 0;
  }

  /** Hands over every whole message that has come; true when there was one. */
  drain(receive: (message: M) => void): boolean {
    if (this.ring.readable === 0) return false;
    this.#pending = Buffer.concat([this.#pending, this.ring.read(this.ring.capacity)]);
    let any = false;
    for (;;) {
      const { length } = this.#pending;
      if (length < LENGTH) return any;
      const size = new DataView(this.#pending.buffer, this.#pending.byteOffset).getUint32(0, true);
      assert(size <= MAX_MESSAGE, 'a message of absurd size');
      if (length < LENGTH + size) return any;
      const message = this.decode(this.#pending.subarray(LENGTH, LENGTH + size));
      this.#pending = this.#pending.subarray(LENGTH + size);
      any = true;
      receive(message);
    }
  }
}
