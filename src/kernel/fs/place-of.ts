/** The place of an open file, also of one without a path (a pipe): such lie in a mount of their own. */
import { newDentry } from './dentry-cache.js';
import type { FileDescription } from './file-description.js';
import type { VfsPath } from './path.js';

export function placeOf(file: FileDescription): VfsPath {
  if (file.path) return file.path;
  const dentry = newDentry(file.inode, '', undefined);
  const { fs } = file.inode;
  return {
    mount: { id: 0, fs, root: dentry, parent: undefined, mountpoint: undefined, flags: 0, source: 'none' },
    dentry,
  };
}
