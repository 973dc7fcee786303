/**
 * Path walk, path_resolution(7): from a path to a place. Linux: fs/namei.c.
 *
 * A Walker goes component by component, checks search permission on each directory, crosses mounts
 * and follows symlinks. It stops before the last component (`toLast`), where callers differ: open
 * and stat want what is there, create and unlink want the name and its directory.
 *
 * Cost: a cached component is a Map lookup; nothing is allocated but the component's name.
 */
import { E } from '../../abi/errno.js';
import { isDirectory, isSymlink } from '../../abi/mode.js';
import { MS_NOSYMFOLLOW } from '../../abi/mount.js';
import {
  NAME_MAX,
  PATH_MAX,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../../abi/open.js';
import type { Credentials } from '../auth/credentials.js';
import type { Executable } from '../loader/executable.js';
import { Failure, fail } from '../outcome.js';
import { checkAccess, MAY } from './access.js';
import type { MountNamespace } from './mounts.js';
import type { Dentry, Mount, VfsPath } from './path.js';

const MAX_LINKS = 40;

/** Who walks, and from where. */
export interface WalkContext {
  readonly creds: Credentials;
  readonly root: VfsPath;
  /** Where relative paths start: the working directory, or what a dirfd refers to. */
  readonly cwd: VfsPath;
  readonly mounts: MountNamespace;
  readonly umask: number;
  /** Symbolic links that one path may go through; 40. */
  readonly maxLinks?: number;
  /** Where paths are walked elsewhere (home/): opens a program to execute. */
  readonly openProgram?: (path: string) => Executable | Failure;
}

export interface WalkOptions {
  /** Whether a symlink in the last place is followed. A trailing slash follows it anyway. */
  readonly followLast: boolean;
  /** An empty path means the start itself (AT_EMPTY_PATH) instead of ENOENT. */
  readonly allowEmpty?: boolean;
  /** What is found must be a directory. */
  readonly directory?: boolean;
  /** RESOLVE_* of openat2(2). */
  readonly resolve?: number;
}

/** The place a path names. */
export function walk(ctx: WalkContext, path: string, options: WalkOptions): VfsPath | Failure {
  if (path === '') return options.allowEmpty ? ctx.cwd : fail(E.ENOENT);
  const w = new Walker(ctx, options.resolve ?? 0);
  const failed = w.begin(path) ?? w.toEnd(options.followLast);
  if (failed) return failed;
  if ((options.directory || w.trailingSlash) && !isDirectory(w.dentry.inode.mode)) return fail(E.ENOTDIR);
  return w.place();
}

/** The directory and name of a path's last component, which need not exist. */
export interface Parent {
  readonly mount: Mount;
  readonly dentry: Dentry;
  readonly name: string;
  readonly kind: LastKind;
  readonly trailingSlash: boolean;
}

/** What the last component is: a name, ".", "..", or nothing (the path was all slashes). */
export type LastKind = 'name' | 'dot' | 'dotdot' | 'root';

export function walkParent(ctx: WalkContext, path: string): Parent | Failure {
  if (path === '') return fail(E.ENOENT);
  const w = new Walker(ctx, 0);
  return w.begin(path) ?? w.toLast() ?? w.parent();
}

/** The dentry of `name` in a directory, cached or asked of its inode; mounts and permissions are the caller's. */
export function lookupChild(mounts: MountNamespace, directory: Dentry, name: string): Dentry | Failure {
  const known = mounts.dentries.find(directory, name);
  if (known) return known;
  if (directory.deleted) return fail(E.ENOENT);
  if (name.length > NAME_MAX) return fail(E.ENAMETOOLONG);
  const inode = directory.inode.lookup(name);
  return inode instanceof Failure ? inode : mounts.dentries.add(directory, name, inode);
}

export class Walker {
  mount: Mount;
  dentry: Dentry;
  kind: LastKind = 'root';
  name = '';
  /** Slashes follow the last component: it must be a directory. */
  trailingSlash = false;

  private readonly _mounts: MountNamespace;
  private readonly _creds: Credentials;
  private readonly _root: VfsPath;
  private _path = '';
  private _at = 0;
  private _links = 0;
  private _mustBeDirectory = false;
  /** What is left of paths in which a symlink was met, innermost last. */
  private _rest: string[] | undefined;

  constructor(
    readonly ctx: WalkContext,
    readonly resolve: number,
  ) {
    this._mounts = ctx.mounts;
    this._creds = ctx.creds;
    this._root = resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH) ? ctx.cwd : ctx.root;
    this.mount = ctx.cwd.mount;
    this.dentry = ctx.cwd.dentry;
  }

  begin(path: string): Failure | undefined {
    if (path.length >= PATH_MAX) return fail(E.ENAMETOOLONG);
    this._path = path;
    this._at = 0;
    return path.charCodeAt(0) === SLASH ? this._jumpToRoot() : undefined;
  }

  /** Walks everything but the last component, which is then in `kind` and `name`. */
  toLast(): Failure | undefined {
    for (;;) {
      if (!this._nextComponent()) return undefined;
      const inode = this.dentry.inode;
      if (!isDirectory(inode.mode)) return fail(E.ENOTDIR);
      const refused = checkAccess(inode, this._creds, MAY.EXEC);
      if (refused) return refused;
      if (this._done()) return undefined;
      const failed = this.stepLast(true);
      if (failed) return failed;
    }
  }

  /** Walks to what the path names. */
  toEnd(followLast: boolean): Failure | undefined {
    for (;;) {
      const failed = this.toLast();
      if (failed) return failed;
      if (this.kind === 'root') return undefined;
      const links = this._links;
      const stuck = this.stepLast(followLast || this.trailingSlash);
      if (stuck) return stuck;
      // A followed symlink leaves its target to be walked.
      if (links === this._links || this._done()) return undefined;
    }
  }

  /** Takes the step to the component in `kind` and `name`. */
  stepLast(follow: boolean): Failure | undefined {
    if (this.kind === 'dot') return undefined;
    if (this.kind === 'dotdot') return this._up();
    const child = lookupChild(this._mounts, this.dentry, this.name);
    if (child instanceof Failure) return child;
    return this.step(child, follow);
  }

  /** Steps onto a child: into what is mounted there, or, when it is a symlink to follow, towards its target. */
  step(child: Dentry, follow: boolean): Failure | undefined {
    if (child.mounted) {
      const before = this.mount;
      this.dentry = child;
      this._down();
      return this.mount !== before && this.resolve & RESOLVE_NO_XDEV ? fail(E.EXDEV) : undefined;
    }
    if (isSymlink(child.inode.mode)) {
      if (follow) return this.follow(child);
    }
    this.dentry = child;
    return undefined;
  }

  /** Goes on with the target of a symlink in the directory where the walk is. */
  follow(link: Dentry): Failure | undefined {
    if (this._links++ >= (this.ctx.maxLinks ?? MAX_LINKS) || this.resolve & RESOLVE_NO_SYMLINKS)
      return fail(E.ELOOP);
    if (this.mount.flags & MS_NOSYMFOLLOW) return fail(E.ELOOP);
    // "link/" asks for a directory, whatever the link says.
    if (this._done() && this.trailingSlash) this._mustBeDirectory = true;
    const magic = link.inode.followMagic();
    if (magic) return this._jump(magic);
    const target = link.inode.readlink();
    if (target instanceof Failure) return target;
    if (target === '') return fail(E.ENOENT);
    if (!this._done()) {
      this._rest ??= [];
      this._rest.push(this._path.slice(this._at));
    }
    this._path = target;
    this._at = 0;
    return target.charCodeAt(0) === SLASH ? this._jumpToRoot() : undefined;
  }

  /** Nothing is left to walk: the place is where the path leads. */
  get arrived(): boolean {
    return this._done();
  }

  place(): VfsPath {
    return { mount: this.mount, dentry: this.dentry };
  }

  parent(): Parent {
    const { mount, dentry, name, kind, trailingSlash } = this;
    return { mount, dentry, name, kind, trailingSlash };
  }

  /** Reads the next component into `kind` and `name`; false when the path has ended. */
  private _nextComponent(): boolean {
    const path = this._path;
    let from = this._at;
    while (path.charCodeAt(from) === SLASH) from++;
    if (from >= path.length) {
      const rest = this._rest?.pop();
      if (rest === undefined) {
        this.kind = 'root';
        return false;
      }
      this._path = rest;
      this._at = 0;
      return this._nextComponent();
    }
    let to = path.indexOf('/', from);
    if (to < 0) to = path.length;
    this.name = path.slice(from, to);
    this.kind = this.name === '.' ? 'dot' : this.name === '..' ? 'dotdot' : 'name';
    let next = to;
    while (path.charCodeAt(next) === SLASH) next++;
    this._at = next;
    this.trailingSlash = next > to || this._mustBeDirectory;
    return true;
  }

  /** Nothing is left to walk, here or in the paths that wait. */
  private _done(): boolean {
    return this._at >= this._path.length && (this._rest === undefined || this._rest.length === 0);
  }

  /** Onto what is mounted here, topmost. */
  private _down(): void {
    while (this.dentry.mounted) {
      const mounted = this._mounts.at(this.mount, this.dentry);
      if (!mounted) return;
      this.mount = mounted;
      this.dentry = mounted.root;
    }
  }

  /** "..": stays at the root, and leaves a mount by its mountpoint. */
  private _up(): Failure | undefined {
    const before = this.mount;
    for (;;) {
      if (this.dentry === this._root.dentry && this.mount === this._root.mount) {
        return this.resolve & RESOLVE_BENEATH ? fail(E.EXDEV) : undefined;
      }
      if (this.dentry !== this.mount.root) {
        this.dentry = this.dentry.parent ?? this.dentry;
        break;
      }
      if (!this.mount.parent || !this.mount.mountpoint) break;
      this.dentry = this.mount.mountpoint;
      this.mount = this.mount.parent;
    }
    this._down();
    return this.mount !== before && this.resolve & RESOLVE_NO_XDEV ? fail(E.EXDEV) : undefined;
  }

  private _jumpToRoot(): Failure | undefined {
    if (this.resolve & RESOLVE_BENEATH) return fail(E.EXDEV);
    if (this.resolve & RESOLVE_NO_XDEV && this._root.mount !== this.mount) return fail(E.EXDEV);
    this.mount = this._root.mount;
    this.dentry = this._root.dentry;
    return undefined;
  }

  /** A magic link leads to an object, whatever its name. */
  private _jump(to: VfsPath): Failure | undefined {
    if (this.resolve & RESOLVE_NO_MAGICLINKS) return fail(E.ELOOP);
    if (this.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) return fail(E.EXDEV);
    if (this.resolve & RESOLVE_NO_XDEV && to.mount !== this.mount) return fail(E.EXDEV);
    this.mount = to.mount;
    this.dentry = to.dentry;
    return undefined;
  }
}

const SLASH = 0x2f;
