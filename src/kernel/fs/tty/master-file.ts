/**
 * The master side of a pseudoterminal: what opening /dev/ptmx gives, pty(7), ptmx(4). What is written
 * here is typed there; what is written there is read here. Linux: drivers/tty/pty.c.
 */
import { E } from '../../../abi/errno.js';
import { TIOCPKT_DATA } from '../../../abi/termios.js';
import { type Failure, fail, type Result } from '../../outcome.js';
import type { Task } from '../../task/task.js';
import { HUP, IN, OUT, PRI, RDNORM, WOULD_BLOCK, WRNORM } from '../../wait.js';
import { FileDescription, type Tried } from '../file-description.js';
import type { Inode } from '../inode.js';
import type { Sink, Source } from '../io.js';
import type { VfsPath } from '../path.js';
import { hangUp } from './controlling.js';
import type { Terminals } from './devpts.js';
import { masterIoctl } from './master-ioctl.js';
import { MASTER_HOLDS, type Terminal } from './terminal.js';

const CHUNK = 4096;

export class MasterFile extends FileDescription {
  constructor(
    readonly terminal: Terminal,
    readonly terminals: Pick<Terminals, 'forget'>,
    inode: Inode,
    path: VfsPath | undefined,
    flags: number,
  ) {
    super(inode, path, flags);
  }

  override tryRead(to: Sink, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    const { terminal } = this;
    const wanted = Math.min(to.remaining, MASTER_HOLDS);
    if (wanted === 0) return 0;
    if (terminal.packet && terminal.packetStatus !== 0) {
      const status = terminal.packetStatus;
      terminal.packetStatus = 0;
      return to.put(Uint8Array.of(status));
    }
    if (terminal.output.length === 0) return terminal.slavesGone ? fail(E.EIO) : WOULD_BLOCK;
    if (!terminal.packet) return to.put(terminal.takeOutput(wanted));
    const bytes = terminal.takeOutput(wanted - 1);
    return to.put(Buffer.concat([Uint8Array.of(TIOCPKT_DATA), bytes]));
  }

  override tryWrite(from: Source, offset?: number): Tried<number> {
    if (offset !== undefined) return fail(E.ESPIPE);
    const { terminal } = this;
    let done = 0;
    while (from.remaining > 0) {
      const room = terminal.inputRoom;
      if (room === 0) return done > 0 ? done : WOULD_BLOCK;
      const bytes = from.take(Math.min(room, CHUNK));
      if (bytes.length === 0) return done > 0 ? done : fail(E.EFAULT);
      terminal.type(bytes);
      done += bytes.length;
    }
    return done;
  }

  override ioctl(task: Task, request: number, arg: number): Result {
    return masterIoctl(this, task, request, arg);
  }

  override readiness(): number {
    const { terminal } = this;
    let events = 0;
    if (terminal.output.length > 0) events |= IN | RDNORM;
    if (terminal.packet && terminal.packetStatus !== 0) events |= PRI | IN | RDNORM;
    if (terminal.slavesGone) events |= HUP;
    if (terminal.inputRoom > 0) events |= OUT | WRNORM;
    return events;
  }

  override listen(mask: number, wake: (events: number) => void): () => void {
    return this.terminal.masterQueue.listen(mask, wake);
  }

  override fsync(): Failure | undefined {
    return fail(E.EINVAL);
  }

  override linkName(): string {
    return '/dev/ptmx';
  }

  override fdinfo(): string {
    return `tty-index:\t${this.terminal.index}\n`;
  }

  protected override onClose(): void {
    const { terminal } = this;
    terminal.masterClosed = true;
    terminal.packet = false;
    this.terminals.forget(terminal);
    hangUp(terminal.tasks, terminal);
  }
}
