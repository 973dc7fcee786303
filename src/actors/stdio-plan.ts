/** The descriptors of a process to be, and the embedder's ends of its pipes and terminal. */
import { assertNever } from '../base/assert.js';
import type { HostFd } from '../base/brand.js';
import type { FileDescription } from '../kernel/fs/file-description.js';
import type { MountNamespace } from '../kernel/fs/mounts.js';
import { newStdio } from '../kernel/fs/stdio/new-stdio.js';
import { StdioInode } from '../kernel/fs/stdio/stdio-inode.js';
import { TerminalBridge } from '../kernel/fs/tty/bridge.js';
import { takeTerminal } from '../kernel/fs/tty/controlling.js';
import { newTerminal } from '../kernel/fs/tty/new-terminal.js';
import { must } from '../kernel/outcome.js';
import type { KernelServices } from '../kernel/services.js';
import type { Task } from '../kernel/task/task.js';
import type { ProcessSpec, StdioSource } from '../messages/shard.js';
import { hostPipe } from '../platform/host/pipes.unsafe.js';

const O_RDONLY = 0;
const O_WRONLY = 1;

export class StdioPlan {
  readonly files: FileDescription[] = [];
  readonly theirs: (number | null)[] = [];
  /** Between the embedder and the process's terminal, when it has one. */
  bridge: TerminalBridge | undefined;
  readonly #services: KernelServices;
  #terminal: { readonly slave: FileDescription; readonly pipes: readonly number[] } | undefined;

  constructor(services: KernelServices, mounts: MountNamespace, spec: ProcessSpec) {
    this.#services = services;
    spec.stdio.forEach((source, fd) => {
      switch (source.type) {
        case 'host':
          this.#add(newStdio(services, source.fd as HostFd), null);
          break;
        case 'null': {
          const opened = services.hostFiles.openRoot('/dev/null');
          this.#add(newStdio(services, opened as HostFd, { owned: true }), null);
          break;
        }
        case 'pipe': {
          const { ours, theirs } = pipeFor(fd);
          this.#add(this.#owned(ours, fd === 0 ? O_RDONLY : O_WRONLY), theirs);
          break;
        }
        case 'pty':
          this.#terminal ??= this.#newTerminal(mounts, spec, source);
          this.#add(this.#terminal.slave.retain(), this.#terminal.pipes[fd] ?? null);
          break;
        default:
          assertNever(source, 'stdio source');
      }
    });
    this.#terminal?.slave.release();
  }

  /** The process is there; its terminal, if it has one, is its session's. */
  started(task: Task): void {
    this.files.forEach((file, slot) => {
      if (file.inode instanceof StdioInode) file.inode.given = { pid: task.group.pid, slot };
    });
    const { bridge } = this;
    if (!bridge) return;
    takeTerminal(task.group, bridge.master.terminal);
    bridge.start();
  }

  /** There is no process: nobody will read or write the other ends. */
  abandon(): void {
    this.bridge?.close();
    for (const fd of this.theirs) if (fd !== null) this.#services.hostFiles.close(fd as HostFd);
  }

  #add(ours: FileDescription, theirs: number | null): void {
    this.files.push(ours);
    this.theirs.push(theirs);
  }

  #owned(fd: number, flags: number, options: { background?: boolean } = {}): FileDescription {
    return newStdio(this.#services, fd as HostFd, { owned: true, flags, ...options });
  }

  /** One for all descriptors: what is typed goes down the first pipe, what appears comes up the second. */
  #newTerminal(
    mounts: MountNamespace,
    spec: ProcessSpec,
    { columns, rows }: Extract<StdioSource, { type: 'pty' }>,
  ): { slave: FileDescription; pipes: number[] } {
    const { uid, gid } = spec;
    const { master, slave } = must(newTerminal(this.#services, mounts, { uid, gid, columns, rows }));
    const keyboard = pipeFor(0);
    const screen = pipeFor(1);
    const ends = {
      input: this.#owned(keyboard.ours, O_RDONLY, { background: true }),
      output: this.#owned(screen.ours, O_WRONLY, { background: true }),
    };
    this.bridge = new TerminalBridge(master, ends, this.#services);
    return { slave, pipes: [keyboard.theirs, screen.theirs] };
  }
}

/** Guests read from descriptor 0 and write to the others. */
export function pipeFor(fd: number): { ours: number; theirs: number } {
  const [readEnd, writeEnd] = hostPipe();
  return fd === 0 ? { ours: readEnd, theirs: writeEnd } : { ours: writeEnd, theirs: readEnd };
}
