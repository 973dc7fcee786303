/** The streams that a process of a loaded kernel gets in place of those it was started with. */
import { assertNever } from '../../base/assert.js';
import type { HostFd } from '../../base/brand.js';
import { newHostStat } from '../../kernel/fs/host-files.js';
import { newStdio } from '../../kernel/fs/stdio/new-stdio.js';
import type { StdioFile } from '../../kernel/fs/stdio/stdio-file.js';
import { type BridgedTerminal, TerminalBridge } from '../../kernel/fs/tty/bridge.js';
import type { HostStream } from '../../kernel/save/graph.js';
import type { KernelServices } from '../../kernel/services.js';
import type { StdioSource } from '../../messages/shard.js';
import { pipeFor } from '../stdio-plan.js';

const O_RDONLY = 0;
const O_WRONLY = 1;

export class LoadedStdio {
  /** The embedder's ends of pipes. */
  readonly theirs: (number | null)[];
  readonly #streams: (HostStream | undefined)[];
  readonly #taken = new Set<number>();

  constructor(
    readonly services: KernelServices,
    sources: readonly StdioSource[],
  ) {
    this.theirs = sources.map(() => null);
    this.#streams = sources.map((source, slot) => this.#open(source, slot));
  }

  /** In place of what the process was given as descriptor `slot`; undefined: nobody gave anything. */
  streamAt(slot: number): HostStream | undefined {
    this.#taken.add(slot);
    return this.#streams[slot];
  }

  /** What shows the process's terminal: typed by the first stream, seen by the second. */
  newBridge({ master, typed }: BridgedTerminal): TerminalBridge {
    const end = (slot: number, flags: number): StdioFile => {
      // A terminal that nobody watches is a terminal all the same.
      const { fd, owned } = this.streamAt(slot) ?? this.#null();
      return newStdio(this.services, fd, { owned, flags });
    };
    const ends = { input: end(0, O_RDONLY), output: end(1, O_WRONLY) };
    if (typed.length > 0) ends.input.stream.unread = typed;
    return new TerminalBridge(master, ends, this.services);
  }

  /** Nobody has these: who holds the other end sees it. */
  closeUnused(): void {
    this.#streams.forEach((stream, slot) => {
      if (stream?.owned && !this.#taken.has(slot)) this.services.hostFiles.close(stream.fd);
    });
  }

  #null(): HostStream {
    return { fd: this.services.hostFiles.openRoot('/dev/null') as HostFd, owned: true };
  }

  #open(source: StdioSource, slot: number): HostStream | undefined {
    switch (source.type) {
      case 'host': {
        const isOpen = this.services.hostFiles.fstat(source.fd as HostFd, newHostStat()) >= 0;
        return isOpen ? { fd: source.fd as HostFd, owned: false } : undefined;
      }
      case 'null':
        return this.#null();
      case 'pipe':
      case 'pty': {
        const { ours, theirs } = pipeFor(slot);
        this.theirs[slot] = theirs;
        return { fd: ours as HostFd, owned: true };
      }
      default:
        return assertNever(source, 'stdio source');
    }
  }
}
