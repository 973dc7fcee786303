/**
 * The name of a place: getcwd(2), /proc/pid/fd, /proc/pid/maps. Linux: fs/d_path.c.
 */
import type { VfsPath } from './path.js';

/**
 * The path that leads from `root` to `path`. A removed file's has " (deleted)" behind it; a place
 * outside `root` gets its path from the topmost root, as Linux's d_path gives it.
 */
export function pathName(path: VfsPath, root: VfsPath): string {
  let { mount, dentry } = path;
  let name = '';
  while (dentry !== root.dentry || mount !== root.mount) {
    if (dentry !== mount.root && dentry.parent) {
      name = `/${dentry.name}${name}`;
      dentry = dentry.parent;
    } else if (mount.parent && mount.mountpoint) {
      dentry = mount.mountpoint;
      mount = mount.parent;
    } else {
      break;
    }
  }
  if (name === '') name = '/';
  return path.dentry.deleted ? `${name} (deleted)` : name;
}

/** Whether walking up from `path` comes by `root`. */
export function isReachable(path: VfsPath, root: VfsPath): boolean {
  let { mount, dentry } = path;
  while (dentry !== root.dentry || mount !== root.mount) {
    if (dentry !== mount.root && dentry.parent) {
      dentry = dentry.parent;
    } else if (mount.parent && mount.mountpoint) {
      dentry = mount.mountpoint;
      mount = mount.parent;
    } else {
      return false;
    }
  }
  return true;
}
