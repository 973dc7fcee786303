/**
 * A file of the host, as an inode: a name in a host directory, and the number the host knew it by
 * when it was looked up. Made anew by each lookup; what must be remembered about a file is kept by
 * number in HostFs.
 */
import { E } from '../../../abi/errno.js';
import { isDirectory, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG } from '../../../abi/mode.js';
import {
  AT_REMOVEDIR,
  O_ACCMODE,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  RENAME_EXCHANGE,
} from '../../../abi/open.js';
import type { HostFd } from '../../../base/brand.js';
import { toUnicode } from '../../../base/bytes.js';
import { inNs } from '../../../base/clock.js';
import { Failure, fail } from '../../outcome.js';
import type { FileDescription } from '../file-description.js';
import { hostFailure } from '../host-failure.js';
import type { HostStat } from '../host-files.js';
import { type AttributeChange, type Attributes, Inode, type NewInode } from '../inode.js';
import type { VfsPath } from '../path.js';
import { Fifo } from '../pipe/fifo.js';
import { type Listed, ListedDirectory } from '../synthetic/listed-directory.js';
import { HostFile } from './host-file.js';
import type { HostFs } from './host-fs.js';

export class HostInode extends Inode {
  readonly ino: number;
  private readonly _device: number;
  private _mode: number;
  /** What was seen last; attributes of a file that is gone and not open. */
  private _seen: Attributes;

  private readonly _parent: HostInode | undefined;
  private readonly _name: string;
  /** It was open when a kernel was saved and was gone when that was loaded; its number may be another's by now. */
  vanished = false;
  /** Of a symbolic link, once read: it never changes. */
  private _target: string | undefined;

  constructor(
    override readonly fs: HostFs,
    parent: HostInode | undefined,
    name: string,
    stat: HostStat,
  ) {
    super();
    this._parent = parent;
    this._name = name;
    this._device = fs.deviceIndex(stat.dev);
    this.ino = fs.ino(this._device, stat.ino);
    this._mode = stat.mode;
    this._seen = this._attributesFrom(stat);
  }

  /** The directory it is in now; undefined for the root. */
  get parent(): HostInode | undefined {
    return this.fs.moved.size > 0 ? (this.fs.moved.get(this.ino)?.parent ?? this._parent) : this._parent;
  }

  get name(): string {
    return this.fs.moved.size > 0 ? (this.fs.moved.get(this.ino)?.name ?? this._name) : this._name;
  }

  /** Its path on the host, for people. */
  get place(): string {
    const { parent } = this;
    return toUnicode(parent ? `${parent.place.replace(/\/$/, '')}/${this.name}` : this.fs.options.source);
  }

  /** Names it had when it was last looked at. */
  get seenLinks(): number {
    return this._seen.nlink;
  }

  get mode(): number {
    const kept = this.fs.overrides.size > 0 ? this.fs.overrides.get(this.ino)?.mode : undefined;
    return kept ?? this._mode;
  }

  private get _isGone(): boolean {
    return this.vanished || this.fs.vanished;
  }

  attributes(): Attributes {
    if (this._isGone) return { ...this._seen };
    const { fs } = this;
    const { hostFiles, rootFd } = fs.options;
    const { stat } = fs;
    const open = this.parent
      ? (fs.files.peek(this.ino) ?? fs.files.peek(-this.ino) ?? fs.directories.peek(this.ino))
      : rootFd;
    let r: number;
    if (open !== undefined) {
      r = hostFiles.fstat(open, stat);
    } else {
      const dir = this._parentFd();
      r = dir < 0 ? dir : hostFiles.lstatBeneath(dir as HostFd, this.name, stat);
      if (r >= 0 && fs.ino(fs.deviceIndex(stat.dev), stat.ino) !== this.ino) r = -E.ENOENT;
    }
    if (r < 0) return { ...this._seen };
    this._mode = stat.mode;
    this._seen = this._attributesFrom(stat);
    return { ...this._seen };
  }

  private _attributesFrom(s: HostStat): Attributes {
    const kept = this.fs.overrides.size > 0 ? this.fs.overrides.get(this.ino) : undefined;
    return {
      dev: this.fs.dev,
      ino: this.ino,
      mode: kept?.mode ?? s.mode,
      nlink: s.nlink,
      uid: kept?.uid ?? s.uid,
      gid: kept?.gid ?? s.gid,
      rdev: s.rdevMajor * 0x100 + (s.rdevMinor & 0xff) + (s.rdevMinor >>> 8) * 0x10_0000,
      size: s.size,
      blksize: s.blksize,
      blocks: s.blocks,
      atime: { sec: s.atimeSec, nsec: s.atimeNsec },
      mtime: { sec: s.mtimeSec, nsec: s.mtimeNsec },
      ctime: { sec: s.ctimeSec, nsec: s.ctimeNsec },
      btime: { sec: s.btimeSec, nsec: s.btimeNsec },
    };
  }

  override lookup(name: string): HostInode | Failure {
    const dir = this.fs.directoryFd(this);
    if (dir < 0) return hostFailure(dir);
    const { stat } = this.fs;
    const r = this.fs.options.hostFiles.lstatBeneath(dir as HostFd, name, stat);
    return r < 0 ? hostFailure(r) : new HostInode(this.fs, this, name, stat);
  }

  override readlink(): string | Failure {
    if (this._target !== undefined) return this._target;
    const dir = this._parentFd();
    if (dir < 0) return hostFailure(dir);
    const text = this.fs.options.hostFiles.readlinkBeneath(dir as HostFd, this.name);
    if (typeof text === 'number') return hostFailure(text);
    this._target = text;
    return text;
  }

  open(flags: number, path: VfsPath | undefined): FileDescription | Failure {
    switch (this.mode & S_IFMT) {
      case S_IFREG: {
        const writes = (flags & O_ACCMODE) !== O_RDONLY;
        const fd = this.fileFd(writes ? 'write' : 'read', (flags & O_ACCMODE) === O_WRONLY);
        return fd < 0 ? hostFailure(fd) : new HostFile(this, path, flags, fd as HostFd, writes);
      }
      case S_IFDIR:
        return new ListedDirectory(this, path, flags);
      case S_IFIFO: {
        // Guests meet each other here, not the host's processes.
        let fifo = this.fs.fifos.get(this.ino);
        if (!fifo) {
          fifo = new Fifo();
          this.fs.fifos.set(this.ino, fifo);
        }
        return fifo.open(this, flags, path);
      }
      case S_IFCHR:
      case S_IFBLK:
        return this.fs.options.openDevice?.(this, this.attributes().rdev, flags, path) ?? fail(E.ENXIO);
      default:
        return fail(E.ENXIO);
    }
  }

  /** A held descriptor of this regular file, for HostFile; given back by `releaseFile`. */
  fileFd(how: 'read' | 'write', writeOnly = false): HostFd | number {
    const { fs } = this;
    if (this._isGone) return -E.ENOENT;
    if (how === 'write' && fs.readOnly) return -E.EROFS;
    const key = how === 'write' ? -this.ino : this.ino;
    const known = fs.files.hold(key);
    if (known !== undefined) return known;
    if (!this.parent) {
      // A file bound by itself: its descriptor is the root.
      const access = how === 'read' ? O_RDONLY : writeOnly ? O_WRONLY : O_RDWR;
      const again = fs.options.hostFiles.reopen(fs.options.rootFd, access | O_NONBLOCK);
      if (again < 0) return again;
      fs.files.add(key, again as HostFd);
      return fs.files.hold(key) ?? -E.EIO;
    }
    const dir = this._parentFd();
    if (dir < 0) return dir;
    const { hostFiles } = fs.options;
    const flags = O_NOFOLLOW | O_NONBLOCK;
    const access = how === 'write' ? O_RDWR : O_RDONLY;
    let fd = hostFiles.openBeneath(dir as HostFd, this.name, flags | access, 0);
    if (fd === -E.EACCES && writeOnly) {
      fd = hostFiles.openBeneath(dir as HostFd, this.name, flags | O_WRONLY, 0);
    }
    if (fd < 0) return fd;
    if (!fs.isStill(this, fd as HostFd)) {
      hostFiles.close(fd as HostFd);
      return -E.ENOENT;
    }
    fs.files.add(key, fd as HostFd);
    return fs.files.hold(key) ?? -E.EIO;
  }

  releaseFile(how: 'read' | 'write'): void {
    this.fs.files.release(how === 'write' ? -this.ino : this.ino);
  }

  list(): Listed[] | Failure {
    const { fs } = this;
    const { hostFiles } = fs.options;
    const dir = fs.directoryFd(this);
    if (dir < 0) return hostFailure(dir);
    const entries = hostFiles.readDirectory(dir as HostFd);
    if (typeof entries === 'number') {
      // The descriptor may be one without read permission (O_PATH).
      return entries === -E.EBADF ? fail(E.EACCES) : hostFailure(entries);
    }
    return entries.map((e) => ({ name: e.name, type: e.type, ino: fs.ino(this._device, e.ino) }));
  }

  override create(name: string, how: NewInode): Inode | Failure {
    if ((how.mode & S_IFMT) !== S_IFREG) return fail(E.EPERM);
    return this._make(name, how, (dir) => {
      const flags = O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW;
      const fd = this.fs.options.hostFiles.openBeneath(dir, name, flags, how.mode & 0o7777);
      if (fd >= 0) this.fs.options.hostFiles.close(fd as HostFd);
      return fd;
    });
  }

  override mkdir(name: string, how: NewInode): Inode | Failure {
    return this._make(name, how, (dir) =>
      this.fs.options.hostFiles.mkdirBeneath(dir, name, how.mode & 0o7777),
    );
  }

  override symlink(name: string, target: string, how: NewInode): Inode | Failure {
    return this._make(name, how, (dir) => this.fs.options.hostFiles.symlinkBeneath(target, dir, name));
  }

  /** Makes a name and gives it owner and mode as asked: the host's umask and user are not the guest's. */
  private _make(name: string, how: NewInode, make: (dir: HostFd) => number): Inode | Failure {
    if (this.fs.readOnly) return fail(E.EROFS);
    const dir = this.fs.directoryFd(this);
    if (dir < 0) return hostFailure(dir);
    const r = make(dir as HostFd);
    if (r < 0) return hostFailure(r);
    const made = this.lookup(name);
    if (made instanceof Failure) return made;
    const now = made._seen;
    const change: AttributeChange = {};
    if (now.uid !== how.uid) change.uid = how.uid;
    if (now.gid !== how.gid) change.gid = how.gid;
    if (isDirectory(now.mode) || (now.mode & S_IFMT) === S_IFREG) {
      if ((now.mode & 0o7777) !== (how.mode & 0o7777)) change.mode = how.mode;
    }
    made.setAttributes(change);
    return made;
  }

  override link(name: string, target: Inode): Failure | undefined {
    if (!(target instanceof HostInode) || target.fs !== this.fs) return fail(E.EXDEV);
    const from = target._parentFd();
    if (from < 0) return hostFailure(from);
    return this._change((dir, files) => files.linkBeneath(from as HostFd, target.name, dir, name));
  }

  override unlink(name: string): Failure | undefined {
    const victim = this.fs.remembers ? this.lookup(name) : undefined;
    const failed = this._change((dir, files) => files.unlinkBeneath(dir, name, 0));
    if (!failed && victim instanceof HostInode) this.fs.gone(victim);
    return failed;
  }

  override rmdir(name: string): Failure | undefined {
    const victim = this.lookup(name);
    const failed = this._change((dir, files) => files.unlinkBeneath(dir, name, AT_REMOVEDIR));
    if (!failed && victim instanceof HostInode) this.fs.gone(victim);
    return failed;
  }

  override rename(
    name: string,
    toDir: Inode,
    toName: string,
    how: { exchange: boolean },
  ): Failure | undefined {
    if (!(toDir instanceof HostInode) || toDir.fs !== this.fs) return fail(E.EXDEV);
    const to = this.fs.directoryFd(toDir);
    if (to < 0) return hostFailure(to);
    const flags = how.exchange ? RENAME_EXCHANGE : 0;
    const moving = this.lookup(name);
    const replaced = toDir.lookup(toName);
    const failed = this._change((dir, files) => files.renameBeneath(dir, name, to as HostFd, toName, flags));
    if (failed) return failed;
    if (replaced instanceof HostInode) {
      if (how.exchange) this.fs.move(replaced, this, name);
      else this.fs.gone(replaced);
    }
    if (moving instanceof HostInode) this.fs.move(moving, toDir, toName);
    return undefined;
  }

  private _change(act: (dir: HostFd, files: HostFs['options']['hostFiles']) => number): Failure | undefined {
    if (this.fs.readOnly) return fail(E.EROFS);
    const dir = this.fs.directoryFd(this);
    if (dir < 0) return hostFailure(dir);
    const r = act(dir as HostFd, this.fs.options.hostFiles);
    return r < 0 ? hostFailure(r) : undefined;
  }

  override setAttributes(change: AttributeChange): Failure | undefined {
    const { fs } = this;
    if (fs.readOnly) return fail(E.EROFS);
    const { hostFiles } = fs.options;
    if (change.size !== undefined) {
      const fd = this.fileFd('write', true);
      if (fd < 0) return hostFailure(fd);
      const r = hostFiles.ftruncate(fd as HostFd, change.size);
      this.releaseFile('write');
      if (r < 0) return hostFailure(r);
    }
    const { uid, gid, mode, atime, mtime } = change;
    if ((uid ?? gid ?? mode ?? atime ?? mtime) === undefined) return undefined;
    return this._withPathFd((fd) => {
      if (uid !== undefined || gid !== undefined) {
        const r = hostFiles.fchown(fd, uid ?? -1, gid ?? -1);
        if (r === -E.EPERM)
          this._keep({ ...(uid !== undefined && { uid }), ...(gid !== undefined && { gid }) });
        else if (r < 0) return r;
      }
      if (mode !== undefined) {
        const r = hostFiles.fchmod(fd, mode & 0o7777);
        if (r === -E.EPERM) this._keep({ mode: (this._mode & S_IFMT) | (mode & 0o7777) });
        else if (r < 0) return r;
        else this._mode = (this._mode & S_IFMT) | (mode & 0o7777);
      }
      if (atime || mtime) return hostFiles.futimens(fd, atime && inNs(atime), mtime && inNs(mtime));
      return 0;
    });
  }

  private _keep(what: { mode?: number; uid?: number; gid?: number }): void {
    this.fs.overrides.set(this.ino, { ...this.fs.overrides.get(this.ino), ...what });
  }

  override getXattr(name: string): Uint8Array | Failure {
    // Other name spaces say something about the host's security, not about the guest's.
    if (!name.startsWith('user.')) return fail(name.startsWith('system.') ? E.EOPNOTSUPP : E.ENODATA);
    let value = new Uint8Array(0);
    const failed = this._withPathFd((fd) => {
      const found = this.fs.options.hostFiles.getXattr(fd, name);
      if (typeof found === 'number') return found;
      value = new Uint8Array(found);
      return 0;
    });
    return failed ?? value;
  }

  override listXattr(): string[] | Failure {
    const names: string[] = [];
    const failed = this._withPathFd((fd) => {
      const found = this.fs.options.hostFiles.listXattr(fd);
      if (typeof found === 'number') return found;
      names.push(...found.filter((name) => name.startsWith('user.')));
      return 0;
    });
    return failed ? [] : names;
  }

  /** Acts on a descriptor of whatever type of file this is, opened for its attributes only. */
  private _withPathFd(act: (fd: HostFd) => number): Failure | undefined {
    const { hostFiles, rootFd } = this.fs.options;
    if (this._isGone) return fail(E.ENOENT);
    if (!this.parent) {
      const r = act(rootFd);
      return r < 0 ? hostFailure(r) : undefined;
    }
    const dir = this._parentFd();
    if (dir < 0) return hostFailure(dir);
    const fd = hostFiles.openBeneath(dir as HostFd, this.name, O_PATH | O_NOFOLLOW, 0);
    if (fd < 0) return hostFailure(fd);
    const r = this.fs.isStill(this, fd as HostFd) ? act(fd as HostFd) : -E.ENOENT;
    hostFiles.close(fd as HostFd);
    return r < 0 ? hostFailure(r) : undefined;
  }

  private _parentFd(): HostFd | number {
    return this.parent ? this.fs.directoryFd(this.parent) : -E.ENOENT;
  }
}
