/** The nodes of /dev/pts: terminals, and a ptmx of its own. pts(4); Linux: fs/devpts/inode.c. */
import { E } from '../../../abi/errno.js';
import { S_IFCHR } from '../../../abi/mode.js';
import { O_ACCMODE, O_NOCTTY, O_WRONLY } from '../../../abi/open.js';
import type { Timespec } from '../../../base/clock.js';
import { CAP, has } from '../../auth/credentials.js';
import { type Failure, fail } from '../../outcome.js';
import type { FileDescription } from '../file-description.js';
import { type AttributeChange, type Attributes, type FileSystem, Inode } from '../inode.js';
import type { VfsPath } from '../path.js';
import { openedTerminal } from './controlling.js';
import { ptyDevice } from './device-number.js';
import { SlaveFile } from './slave-file.js';
import type { Terminal } from './terminal.js';

export interface NodeFacts {
  readonly fs: FileSystem;
  readonly ino: number;
  readonly rdev: number;
  readonly permissions: number;
  readonly uid: number;
  readonly gid: number;
  readonly time: Timespec;
}

abstract class DeviceNode extends Inode {
  readonly fs: FileSystem;
  private readonly _facts: Attributes;

  constructor({ fs, ino, rdev, permissions, uid, gid, time }: NodeFacts) {
    super();
    this.fs = fs;
    const mode = S_IFCHR | permissions;
    const times = { atime: time, mtime: time, ctime: time };
    this._facts = {
      dev: fs.dev,
      ino,
      mode,
      nlink: 1,
      uid,
      gid,
      rdev,
      size: 0,
      blksize: 1024,
      blocks: 0,
      ...times,
    };
  }

  get mode(): number {
    return this._facts.mode;
  }

  attributes(): Attributes {
    return { ...this._facts };
  }

  override setAttributes({ size: _none, mode, ...others }: AttributeChange): Failure | undefined {
    Object.assign(this._facts, others);
    if (mode !== undefined) this._facts.mode = S_IFCHR | (mode & 0o7777);
    return undefined;
  }
}

/** A terminal by its name. */
export class PtsInode extends DeviceNode {
  constructor(
    readonly terminal: Terminal,
    facts: Omit<NodeFacts, 'ino' | 'rdev'>,
  ) {
    super({ ...facts, ino: terminal.index + 3, rdev: ptyDevice(terminal.index) });
  }

  open(flags: number, path: VfsPath | undefined): FileDescription | Failure {
    return openSlave(this.terminal, this, flags, path);
  }
}

/** /dev/pts/ptmx. */
export class PtmxInode extends DeviceNode {
  constructor(
    facts: NodeFacts,
    readonly openMaster: (
      inode: Inode,
      flags: number,
      path: VfsPath | undefined,
    ) => FileDescription | Failure,
  ) {
    super(facts);
  }

  open(flags: number, path: VfsPath | undefined): FileDescription | Failure {
    return this.openMaster(this, flags, path);
  }
}

/** A slave's open; `inode` is what it was opened by. */
export function openSlave(
  terminal: Terminal,
  inode: Inode,
  flags: number,
  path: VfsPath | undefined,
): FileDescription | Failure {
  const task = terminal.tasks.current;
  if (terminal.locked || terminal.masterClosed) return fail(E.EIO);
  if (terminal.exclusive && task && !has(task.creds, CAP.SYS_ADMIN)) return fail(E.EBUSY);
  const file = new SlaveFile(terminal, inode, path, flags & ~O_NOCTTY);
  const readable = (flags & O_ACCMODE) !== O_WRONLY;
  if (task && readable && !(flags & O_NOCTTY)) openedTerminal(task, terminal);
  return file;
}
