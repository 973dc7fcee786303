/**
 * The embedder's ends of a process's standard streams. As in node:child_process they are there from the
 * start; they are joined to the pipes of the process once it is made.
 */
import { Socket } from 'node:net';
import { PassThrough, pipeline, type Readable, type Writable } from 'node:stream';
import type { StdioSource } from '../messages/shard.js';

export class ProcessStreams {
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  readonly #ends: readonly (PassThrough | null)[];

  constructor(stdio: readonly StdioSource[]) {
    // A terminal is two streams: what is typed, and what appears.
    this.#ends = stdio.map(({ type }, fd) =>
      type === 'pipe' || (type === 'pty' && fd < 2) ? new PassThrough() : null,
    );
    const [stdin = null, stdout = null, stderr = null] = this.#ends;
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /** `pipes`: host descriptors by the guest's; they are owned from here on. */
  connect(pipes: readonly (number | null)[]): void {
    pipes.forEach((fd, index) => {
      if (fd === null) return;
      const readable = index > 0;
      const socket = new Socket({ fd, readable, writable: !readable });
      const end = this.#ends[index];
      if (!end) socket.destroy();
      // Who goes away first ends the other; that is no error of the embedder's.
      else if (!readable) pipeline(end, socket, () => {});
      else {
        pipeline(socket, end, () => {});
        // A stream without content ends by itself, though nobody reads it.
        end.once('finish', () => end.read(0));
      }
    });
  }

  /** There will be no process. */
  abandon(): void {
    for (const end of this.#ends) end?.destroy();
  }

  /** The process is gone: resolves when everything that it wrote has been read. */
  async drained(): Promise<void> {
    this.stdin?.destroy();
    const outputs = this.#ends.slice(1).filter((end) => end !== null);
    await Promise.all(
      outputs.map((end) => (end.closed ? undefined : new Promise((resolve) => end.once('close', resolve)))),
    );
  }
}
