/**
 * /dev/pts and /dev/ptmx: the pseudoterminals of a kernel, and their names. pts(4), ptmx(4); Linux:
 * fs/devpts/inode.c, drivers/tty/pty.c.
 *
 * Owner: one shard; one table a kernel, found by its services, so that every devpts mount shows the same.
 */
import { E } from '../../../abi/errno.js';
import { makedev } from '../../../abi/mode.js';
import { O_NOCTTY } from '../../../abi/open.js';
import { type Failure, fail } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import type { FileDescription } from '../file-description.js';
import type { Inode } from '../inode.js';
import type { VfsPath } from '../path.js';
import { Directory, type Owner, SyntheticFs } from '../synthetic/synthetic-fs.js';
import { PTMX_MINOR, TTYAUX_MAJOR } from './device-number.js';
import { MasterFile } from './master-file.js';
import { PtmxInode, PtsInode } from './pts-inode.js';
import { Terminal } from './terminal.js';

/** /proc/sys/kernel/pty/max */
const MAX_TERMINALS = 4096;
const DEVPTS_MAGIC = 0x1cd1;
const PTMX_INO = 2;
const OWN_PERMISSIONS = 0o600;

export class Terminals {
  readonly fs: SyntheticFs;
  private readonly _services: KernelServices;
  private readonly _nodes = new Map<number, PtsInode>();

  constructor(services: KernelServices) {
    this._services = services;
    const options = { type: 'devpts', magic: DEVPTS_MAGIC, fileSize: 0 };
    this.fs = new SyntheticFs(services, options, (fs) => this._newRoot(fs));
  }

  /** Opens a new pseudoterminal: what ptmx does. ENOSPC: there are too many. */
  readonly openMaster = (inode: Inode, flags: number, path: VfsPath | undefined): MasterFile | Failure => {
    const creds = this._services.tasks.current?.creds;
    return this.open(inode, flags, path, { uid: creds?.fsuid ?? 0, gid: creds?.fsgid ?? 0 });
  };

  /** The same, with a terminal that belongs to `owner`. */
  open(inode: Inode, flags: number, path: VfsPath | undefined, owner: Owner): MasterFile | Failure {
    const node = this._allocate(owner);
    if (!node) return fail(E.ENOSPC);
    const { terminal } = node;
    return new MasterFile(terminal, this, inode, path, flags & ~O_NOCTTY);
  }

  /** The terminals that are there, by number; and those of a kernel that was saved. */
  get nodes(): Map<number, PtsInode> {
    return this._nodes;
  }

  /** Takes a name out of /dev/pts. */
  forget(terminal: Terminal): void {
    this._nodes.delete(terminal.index);
  }

  private _allocate(owner: Owner): PtsInode | undefined {
    let index = 0;
    while (this._nodes.has(index)) index++;
    if (index >= MAX_TERMINALS) return undefined;
    const { tasks, clock } = this._services;
    const node = new PtsInode(new Terminal(index, tasks), {
      fs: this.fs,
      permissions: OWN_PERMISSIONS,
      ...owner,
      time: clock.realtime(),
    });
    this._nodes.set(index, node);
    return node;
  }

  private _newRoot(fs: SyntheticFs): Directory {
    const ptmx = new PtmxInode(
      {
        fs,
        ino: PTMX_INO,
        rdev: makedev(TTYAUX_MAJOR, PTMX_MINOR),
        permissions: 0,
        uid: 0,
        gid: 0,
        time: fs.bootTime,
      },
      (inode, flags, path): FileDescription | Failure => this.openMaster(inode, flags, path),
    );
    return new Directory(
      fs,
      (name) => (name === 'ptmx' ? ptmx : this._byName(name)),
      () => [
        ...[...this._nodes].map(([index, node]) => [String(index), node] as const),
        ['ptmx', ptmx] as const,
      ],
      { ino: 1, mode: 0o755 },
    );
  }

  private _byName(name: string): PtsInode | undefined {
    return /^(0|[1-9][0-9]{0,6})$/.test(name) ? this._nodes.get(Number(name)) : undefined;
  }
}

const terminals = new WeakMap<KernelServices, Terminals>();

export function terminalsOf(services: KernelServices): Terminals {
  const known = terminals.get(services);
  if (known) return known;
  const made = new Terminals(services);
  terminals.set(services, made);
  return made;
}

/** The file system to be mounted at /dev/pts. */
export function newDevPts(services: KernelServices): SyntheticFs {
  return terminalsOf(services).fs;
}
