/**
 * Opening a file to execute it. Linux: do_open_execat and may_open with MAY_EXEC (fs/exec.c, fs/namei.c):
 * a regular file, on a mount without noexec, with permission to execute; reading need not be allowed.
 */
import { E } from '../../abi/errno.js';
import { isRegular, isSymlink, S_IXUGO } from '../../abi/mode.js';
import { MS_NOEXEC } from '../../abi/mount.js';
import { O_RDONLY } from '../../abi/open.js';
import { checkAccess, MAY } from '../fs/access.js';
import type { FileDescription } from '../fs/file-description.js';
import type { VfsPath } from '../fs/path.js';
import { BufferSink } from '../fs/user-io.js';
import { type WalkContext, walk } from '../fs/walk.js';
import { Failure, fail } from '../outcome.js';
import type { KernelServices } from '../services.js';
import { WOULD_BLOCK } from '../wait.js';

/** An open file to execute, and its first bytes. */
export interface Executable {
  readonly file: FileDescription;
  readonly place: VfsPath;
  readonly head: Uint8Array;
}

/** Enough for a "#!" line, and for the header and program headers of most ELF files in one read. */
const HEAD_BYTES = 2048;

/** The reference to the file is the caller's. */
export function openExecutable(
  services: KernelServices,
  ctx: WalkContext,
  where: string | VfsPath,
): Executable | Failure {
  if (typeof where === 'string' && ctx.openProgram) return ctx.openProgram(where);
  const place = typeof where === 'string' ? walk(ctx, where, { followLast: true }) : where;
  if (place instanceof Failure) return place;
  const { inode } = place.dentry;
  if (isSymlink(inode.mode)) return fail(E.ELOOP);
  if (!isRegular(inode.mode) || place.mount.flags & MS_NOEXEC) return fail(E.EACCES);
  const refused = checkAccess(inode, ctx.creds, MAY.EXEC);
  if (refused) return refused;
  // Nobody executes what nobody may execute.
  if (!(inode.mode & S_IXUGO)) return fail(E.EACCES);
  const file = inode.open(O_RDONLY, place);
  if (file instanceof Failure) return file;
  return withHead(services, file, place);
}

/** The reference is taken over, also when it cannot be read. */
export function withHead(
  services: KernelServices,
  file: FileDescription,
  place: VfsPath,
): Executable | Failure {
  const head = readAt(services, file, 0, HEAD_BYTES);
  if (head instanceof Failure) {
    file.release();
    return head;
  }
  return { file, place, head };
}

/** Up to `length` bytes at an offset; fewer only at the end of the file. */
export function readAt(
  services: KernelServices,
  file: FileDescription,
  offset: number,
  length: number,
): Uint8Array | Failure {
  const buffer = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const sink = new BufferSink(buffer.subarray(done), services.hostFiles);
    const got = file.tryRead(sink, offset + done);
    if (got instanceof Failure) return got;
    // A regular file never makes anybody wait.
    if (got === WOULD_BLOCK) return fail(E.EIO);
    if (got === 0) break;
    done += got;
  }
  return buffer.subarray(0, done);
}
