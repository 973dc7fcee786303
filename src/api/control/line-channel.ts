/** Messages over a socket: one line of JSON each. A line that is too long or no JSON ends the connection. */
import type { Socket } from 'node:net';

/** Data goes in pieces far below. */
const MAX_LINE = 16 * 1024 * 1024;

export class LineChannel<In, Out> {
  #text = '';
  #receive: ((message: In) => void) | undefined;
  /** The other side has gone, or said nonsense. */
  readonly closed: Promise<void>;

  constructor(readonly socket: Socket) {
    socket.setEncoding('utf8');
    socket.on('error', () => socket.destroy());
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk: string) => this.#take(chunk));
  }

  /** False: the other side should be given time (`drained`). */
  send(message: Out): boolean {
    return this.socket.destroyed || this.socket.write(`${JSON.stringify(message)}\n`);
  }

  /** Sends the last message; resolves when the other side has it or is gone. */
  end(message: Out): Promise<void> {
    if (!this.socket.destroyed) this.socket.end(`${JSON.stringify(message)}\n`);
    return this.closed;
  }

  /** It may be sent to again, or is gone. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        this.socket.off('drain', go);
        this.socket.off('close', go);
        resolve();
      };
      this.socket.once('drain', go);
      this.socket.once('close', go);
    });
  }

  /** Who receives from now on. */
  onMessage(receive: (message: In) => void): void {
    this.#receive = receive;
  }

  destroy(): void {
    this.socket.destroy();
  }

  #take(chunk: string): void {
    this.#text += chunk;
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 1);
      const message = parse(line);
      if (message === undefined) {
        this.destroy();
        return;
      }
      this.#receive?.(message as In);
    }
    if (this.#text.length > MAX_LINE) this.destroy();
  }
}

function parse(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
