/** /proc/pid/mounts and mountinfo: proc_pid_mounts(5), proc_pid_mountinfo(5). Linux: fs/proc_namespace.c. */
import { majorOf, minorOf } from '../../../abi/mode.js';
import {
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_RELATIME,
} from '../../../abi/mount.js';
import type { Task } from '../../task/task.js';
import type { Dentry, Mount } from '../path.js';
import { isReachable, pathName } from '../path-name.js';

const OPTIONS: readonly (readonly [number, string])[] = [
  [MS_NOSUID, 'nosuid'],
  [MS_NODEV, 'nodev'],
  [MS_NOEXEC, 'noexec'],
  [MS_NOATIME, 'noatime'],
  [MS_NODIRATIME, 'nodiratime'],
  [MS_RELATIME, 'relatime'],
];

function optionsOf(mount: Mount): string {
  const others = OPTIONS.filter(([bit]) => mount.flags & bit).map(([, name]) => name);
  return [mount.flags & MS_RDONLY ? 'ro' : 'rw', ...others].join(',');
}

/** Blanks would end a field: octal, as mangle() does. */
function mangle(text: string): string {
  return text.replace(/[ \t\n\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

function* visible(task: Task): Iterable<readonly [Mount, string]> {
  const { root, mounts } = task.fs;
  for (const mount of mounts.list()) {
    const place = { mount, dentry: mount.root };
    // Covered mounts stay listed, as in Linux; what is outside of the root is not.
    if (isReachable(place, root)) yield [mount, mangle(pathName(place, root))];
  }
}

/** Where in its file system a mount begins: "/" but for binds. */
function rootIn(mount: Mount): string {
  let name = '';
  for (let d: Dentry = mount.root; d.parent; d = d.parent) name = `/${d.name}${name}`;
  return name === '' ? '/' : mangle(name);
}

export function mounts(task: Task): string {
  let text = '';
  for (const [mount, at] of visible(task)) {
    text += `${mangle(mount.source)} ${at} ${mount.fs.type} ${optionsOf(mount)} 0 0\n`;
  }
  return text;
}

export function mountinfo(task: Task): string {
  let text = '';
  for (const [mount, at] of visible(task)) {
    const { dev, type } = mount.fs;
    const above = mount.parent?.id ?? mount.id;
    text +=
      `${mount.id} ${above} ${majorOf(dev)}:${minorOf(dev)} ${rootIn(mount)} ${at} ${optionsOf(mount)}` +
      ` - ${type} ${mangle(mount.source)} ${mount.flags & MS_RDONLY ? 'ro' : 'rw'}\n`;
  }
  return text;
}
