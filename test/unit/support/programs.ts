/** A file system of a few programs in memory, and a walk context in it, for tests of the loader. */

import { E } from '../../../src/abi/errno.js';
import { S_IFDIR, S_IFREG } from '../../../src/abi/mode.js';
import { O_RDONLY } from '../../../src/abi/open.js';
import type { HostFd } from '../../../src/base/brand.js';
import { credentialsOf } from '../../../src/kernel/auth/credentials.js';
import { FileDescription, type Mappable } from '../../../src/kernel/fs/file-description.js';
import { type Attributes, type FileSystem, type FsStatistics, Inode } from '../../../src/kernel/fs/inode.js';
import type { Sink } from '../../../src/kernel/fs/io.js';
import { MountNamespace } from '../../../src/kernel/fs/mounts.js';
import type { VfsPath } from '../../../src/kernel/fs/path.js';
import type { WalkContext } from '../../../src/kernel/fs/walk.js';
import { type Failure, fail } from '../../../src/kernel/outcome.js';

export interface Program {
  readonly bytes: Uint8Array;
  /** Permission bits; 0755. */
  readonly mode?: number;
}

const never = { sec: 0, nsec: 0 };

class ProgramFs implements FileSystem {
  readonly type = 'programs';
  readonly dev = 1;
  readonly cachesNames = false;
  root: Inode;
  /** Descriptions that are open now. */
  open = 0;
  readonly contents = new Map<number, Uint8Array>();

  constructor(programs: Readonly<Record<string, Program>>) {
    const top = new Directory(this, 1);
    let ino = 2;
    for (const [path, program] of Object.entries(programs)) {
      const names = path.split('/').filter((n) => n !== '');
      const last = names.pop() ?? '';
      let at = top;
      for (const n of names) {
        const next = at.entries.get(n) ?? new Directory(this, ino++);
        at.entries.set(n, next);
        at = next as Directory;
      }
      this.contents.set(ino, program.bytes);
      at.entries.set(last, new Regular(this, ino++, program));
    }
    this.root = top;
  }

  statfs(): FsStatistics {
    const zero = { blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0, flags: 0 };
    return { ...zero, type: 0, bsize: 4096, namelen: 255 };
  }
}

abstract class Node extends Inode {
  constructor(
    override readonly fs: ProgramFs,
    readonly ino: number,
  ) {
    super();
  }
  get size(): number {
    return 0;
  }
  attributes(): Attributes {
    const { mode, ino, size } = this;
    const numbers = { dev: 1, ino, mode, nlink: 1, uid: 0, gid: 0, rdev: 0, size, blksize: 4096, blocks: 0 };
    return { ...numbers, atime: never, mtime: never, ctime: never };
  }
}

class Directory extends Node {
  readonly entries = new Map<string, Inode>();
  get mode(): number {
    return S_IFDIR | 0o755;
  }
  override lookup(name: string): Inode | Failure {
    return this.entries.get(name) ?? fail(E.ENOENT);
  }
  open(): Failure {
    return fail(E.EISDIR);
  }
}

class Regular extends Node {
  constructor(
    fs: ProgramFs,
    ino: number,
    readonly program: Program,
  ) {
    super(fs, ino);
  }
  get mode(): number {
    return S_IFREG | (this.program.mode ?? 0o755);
  }
  override get size(): number {
    return this.program.bytes.length;
  }
  open(_flags: number, path: VfsPath | undefined): FileDescription {
    return new ProgramFile(this, path);
  }
}

class ProgramFile extends FileDescription {
  constructor(
    readonly regular: Regular,
    path: VfsPath | undefined,
  ) {
    super(regular, path, O_RDONLY);
    regular.fs.open++;
  }
  override tryRead(to: Sink, offset = 0): number {
    return to.put(this.regular.program.bytes.subarray(offset, offset + to.remaining));
  }
  override mappable(): Mappable {
    return { fd: this.regular.ino as HostFd, base: 0 };
  }
  protected override onClose(): void {
    this.regular.fs.open--;
  }
}

/** What loadProgram wants of the file side; `fs.contents` are the files a FakeSpace maps. */
export function programFiles(programs: Readonly<Record<string, Program>>, uid = 1000) {
  const fs = new ProgramFs(programs);
  const mounts = new MountNamespace(fs);
  const creds = credentialsOf(uid, uid);
  const ctx: WalkContext = { creds, root: mounts.root, cwd: mounts.root, mounts, umask: 0o22 };
  return { fs, ctx, creds };
}
