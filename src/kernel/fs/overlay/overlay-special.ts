/** Symlinks, device nodes, FIFOs and sockets of an overlay. */
import { E } from '../../../abi/errno.js';
import { Failure, fail } from '../../outcome.js';
import type { FileDescription } from '../file-description.js';
import type { NewInode } from '../inode.js';
import type { VfsPath } from '../path.js';
import type { TmpSpecial, TmpSymlink } from '../tmpfs/special.js';
import { OverlayInode } from './overlay-inode.js';

export class OverlaySymlink extends OverlayInode<TmpSymlink> {
  protected override makeUpper(how: NewInode): TmpSymlink | Failure {
    const target = this.readlink();
    return typeof target === 'string' ? this.fs.upper.makeSymlink(target, how) : target;
  }

  override readlink(): string | Failure {
    return (this.upper ?? this.lower)?.readlink() ?? fail(E.EINVAL);
  }

  open(): Failure {
    return fail(E.ELOOP);
  }
}

export class OverlaySpecial extends OverlayInode<TmpSpecial> {
  protected override makeUpper(how: NewInode): TmpSpecial | Failure {
    return this.fs.upper.makeSpecial(how);
  }

  /** Guests meet at the upper inode: a FIFO of the host leads nowhere else. */
  open(flags: number, path: VfsPath | undefined): FileDescription | Failure {
    const upper = this.copyUp();
    return upper instanceof Failure ? upper : upper.openAs(this, flags, path);
  }
}
