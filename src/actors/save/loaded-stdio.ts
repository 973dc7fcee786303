/** The streams that a process of a loaded kernel gets in place of those it was started with. */
import { assertNever } from '../../base/assert.js';
import type { HostFd } from '../../base/brand.js';
import { newStdio } from '../../kernel/fs/stdio/new-stdio.js';
import { TerminalBridge } from '../../kernel/fs/tty/bridge.js';
import type { MasterFile } from '../../kernel/fs/tty/master-file.js';
import type { HostStream } from '../../kernel/save/graph.js';
import type { KernelServices } from '../../kernel/services.js';
import type { StdioSource } from '../../messages/shard.js';
import { pipeFor } from '../stdio-plan.js';

const NULL: StdioSource = { type: 'null' };
const O_RDONLY = 0;
const O_WRONLY = 1;

export class LoadedStdio {
  /** The embedder's ends of pipes. */
  readonly theirs: (number | null)[];
  readonly #streams: HostStream[];
  readonly #taken = new Set<number>();

  constructor(
    readonly services: KernelServices,
    sources: readonly StdioSource[],
  ) {
    this.theirs = sources.map(() => null);
    this.#streams = sources.map((source, slot) => this.#open(source, slot));
  }

  /** In place of what the process was given as descriptor `slot`. */
  streamAt(slot: number): HostStream {
    this.#taken.add(slot);
    return this.#streams[slot] ?? this.#open(NULL, slot);
  }

  /** What shows the process's terminal: typed by the first stream, seen by the second. */
  newBridge(master: MasterFile): TerminalBridge {
    const [keyboard, screen] = [this.streamAt(0), this.streamAt(1)];
    const end = ({ fd, owned }: HostStream, flags: number) => newStdio(this.services, fd, { owned, flags });
    const ends = { input: end(keyboard, O_RDONLY), output: end(screen, O_WRONLY) };
    return new TerminalBridge(master, ends, this.services);
  }

  /** Nobody has these: who holds the other end sees it. */
  closeUnused(): void {
    this.#streams.forEach(({ fd, owned }, slot) => {
      if (owned && !this.#taken.has(slot)) this.services.hostFiles.close(fd);
    });
  }

  #open(source: StdioSource, slot: number): HostStream {
    switch (source.type) {
      case 'host':
        return { fd: source.fd as HostFd, owned: false };
      case 'null':
        return { fd: this.services.hostFiles.openRoot('/dev/null') as HostFd, owned: true };
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
