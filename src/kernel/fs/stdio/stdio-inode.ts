/**
 * The inode of a host descriptor that a guest is given: a terminal, pipe, socket, file or /dev/null
 * of the host. stat(2) shows what it is there, so that isatty(3) and the like see the truth. Only a
 * socket (node's name for it is "pipe") shows as a FIFO: that is what it is good for here, and a program
 * that saw a socket would make socket calls on it (libuv asks getsockname).
 *
 * Owner: its descriptions; the last one closes the host's descriptor if it is the sandbox's own.
 */
import { S_IFCHR, S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK } from '../../../abi/mode.js';
import type { HostFd } from '../../../base/brand.js';
import { PerKernel } from '../../per-kernel.js';
import { CannotSave, type LoadWalk, membersOf, type SaveWalk } from '../../save/graph.js';
import type { KernelServices } from '../../services.js';
import { anonymousDev } from '../anonymous-dev.js';
import { type HostStat, newHostStat } from '../host-files.js';
import { type Attributes, type FileSystem, type FsStatistics, Inode } from '../inode.js';
import type { Sink } from '../io.js';
import type { VfsPath } from '../path.js';
import { StdioFile } from './stdio-file.js';

/** `gone`: nobody gave another in place of what it was; like a pipe whose other end is closed. */
export type StreamKind = 'file' | 'null' | 'terminal' | 'pipe' | 'socket' | 'device' | 'gone';

const PIPE_MODE = S_IFIFO | 0o600;
const TCGETS = 0x5401;
const TERMIOS_SIZE = 36;

export class StdioFs implements FileSystem {
  readonly type = 'stdio';
  readonly dev = anonymousDev();
  readonly cachesNames = false;

  constructor(readonly root: StdioInode) {}

  statfs(): FsStatistics {
    const zero = { blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, flags: 0 };
    return { ...zero, type: 0, bsize: 4096, namelen: 255 };
  }
}

interface Terminal {
  /** Foreground process group of the guests: tcgetpgrp(3). */
  foreground: number | undefined;
}

const terminals = new PerKernel('host terminals', () => new Map<string, Terminal>());

function terminalOf(services: KernelServices, major: number, minor: number): Terminal {
  const known = terminals.of(services);
  const key = `${major}:${minor}`;
  let terminal = known.get(key);
  if (!terminal) {
    terminal = { foreground: undefined };
    known.set(key, terminal);
  }
  return terminal;
}

export interface StdioOptions {
  /** The sandbox's own: closed when no guest has it any more. */
  readonly owned: boolean;
  /** What /proc/pid/fd shows; default: a name made of what it is. */
  readonly name?: string;
  /** No guest has it, only a terminal's bridge: who waits for it is no guest that waits. */
  readonly background?: boolean;
}

export class StdioInode extends Inode {
  readonly fs: StdioFs;
  /** Whose descriptor it was given as: a kernel that is loaded is given another in its place. */
  given: { readonly pid: number; readonly slot: number } | undefined;
  kind: StreamKind;
  /** What the guests' descriptors of one host terminal share. */
  terminal: Terminal;
  /** What the stream it stood for had for the guest when it was saved: read before anything of this one. */
  unread: Uint8Array | undefined;
  private readonly _stat: HostStat = newHostStat();
  private _users = 0;

  constructor(
    readonly services: KernelServices,
    public fd: HostFd,
    public options: StdioOptions,
  ) {
    super();
    this.fs = new StdioFs(this);
    services.hostFiles.fstat(fd, this._stat);
    this.kind = this._whatItIs();
    this.terminal = terminalOf(services, this._stat.rdevMajor, this._stat.rdevMinor);
  }

  /** What waits to be read is part of what is saved; it stays there for the guest that goes on here. */
  toSaved(save: SaveWalk): Record<string, unknown> {
    const waiting = this._waiting();
    // Several descriptors of a process may be one stream: it is read once.
    const { dev, ino } = this._stat;
    const seen = (save.notes.get(streamsSeen) ?? new Set()) as Set<string>;
    save.notes.set(streamsSeen, seen);
    const isAnother = waiting.length > 0 && seen.size === seen.add(`${dev}:${ino}`).size;
    const unread = joined(this.unread, isAnother ? NOTHING : waiting);
    return { ...membersOf(this), unread: unread.length > 0 ? unread : undefined };
  }

  /** All that a guest would read now, which stays there. */
  allUnread(): Uint8Array {
    return joined(this.unread, this._waiting());
  }

  private _waiting(): Uint8Array {
    const { kind, fd } = this;
    if (kind !== 'pipe' && kind !== 'socket') return NOTHING;
    const waiting = this.services.hostFiles.peekStream(fd, kind);
    if (typeof waiting !== 'number') return waiting;
    throw new CannotSave(`what waits in ${this.name} cannot be looked at (errno ${-waiting})`);
  }

  /** Takes from what is unread of the stream before; undefined when nothing is. */
  readSaved(to: Sink): number | undefined {
    const { unread } = this;
    if (!unread) return undefined;
    const taken = to.put(unread.subarray(0, to.remaining));
    this.unread = taken < unread.length ? unread.subarray(taken) : undefined;
    return taken;
  }

  /** Host streams are given anew. */
  fromSaved(saved: Record<string, unknown>, load: LoadWalk): void {
    Object.assign(this, saved);
    if (this.kind === 'gone') return;
    const stream = this.given && load.stream(this.given.pid, this.given.slot);
    if (!stream) {
      load.missing('streams', this._whatIsMissing());
      this.kind = 'gone';
      this.options = { ...this.options, owned: false };
      return;
    }
    this.fd = stream.fd;
    this.options = { ...this.options, owned: stream.owned };
    this.services.hostFiles.fstat(this.fd, this._stat);
    this.kind = this._whatItIs();
    this.terminal = terminalOf(this.services, this._stat.rdevMajor, this._stat.rdevMinor);
  }

  private _whatIsMissing(): string {
    if (!this.given) return 'a host stream that no process was started with';
    const { pid, slot } = this.given;
    return `no stream was given for descriptor ${slot} of process ${pid}`;
  }

  private _whatItIs(): StreamKind {
    const { mode, rdevMajor, rdevMinor } = this._stat;
    switch (mode & S_IFMT) {
      case S_IFREG:
        return 'file';
      case S_IFIFO:
        return 'pipe';
      case S_IFSOCK:
        return 'socket';
      case S_IFCHR:
        if (rdevMajor === 1 && rdevMinor === 3) return 'null';
        return this.services.hostFiles.ioctl(this.fd, TCGETS, new Uint8Array(TERMIOS_SIZE)) >= 0
          ? 'terminal'
          : 'device';
      default:
        return 'device';
    }
  }

  get mode(): number {
    return this.kind === 'socket' || this.kind === 'gone' ? PIPE_MODE : this._stat.mode;
  }

  attributes(): Attributes {
    const s = this._stat;
    if (this.kind !== 'gone') this.services.hostFiles.fstat(this.fd, s);
    return {
      dev: this.fs.dev,
      ino: s.ino,
      mode: this.mode,
      nlink: s.nlink,
      uid: s.uid,
      gid: s.gid,
      rdev: s.rdevMajor * 0x100 + (s.rdevMinor & 0xff) + (s.rdevMinor >>> 8) * 0x10_0000,
      size: s.size,
      blksize: s.blksize,
      blocks: s.blocks,
      atime: { sec: s.atimeSec, nsec: s.atimeNsec },
      mtime: { sec: s.mtimeSec, nsec: s.mtimeNsec },
      ctime: { sec: s.ctimeSec, nsec: s.ctimeNsec },
    };
  }

  get name(): string {
    const { name } = this.options;
    if (name !== undefined) return name;
    if (this.kind === 'null') return '/dev/null';
    if (this.kind === 'terminal') return '/dev/tty';
    const kind = this.kind === 'socket' || this.kind === 'gone' ? 'pipe' : this.kind;
    return `${kind}:[${this._stat.ino}]`;
  }

  /** Opening /dev/stdin and the like: one more description of the same stream. */
  open(flags: number, path: VfsPath | undefined): StdioFile {
    return new StdioFile(this, path, flags);
  }

  retain(): void {
    this._users++;
  }

  release(): void {
    if (--this._users === 0 && this.options.owned) this.services.hostFiles.close(this.fd);
  }
}

/** Under which a walk notes the streams whose unread bytes it has. */
const streamsSeen = {};

const NOTHING = new Uint8Array(0);

function joined(first: Uint8Array | undefined, second: Uint8Array): Uint8Array {
  return first ? new Uint8Array(Buffer.concat([first, second])) : second;
}
