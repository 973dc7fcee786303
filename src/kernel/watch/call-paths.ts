/**
 * The files that a system call names, as absolute paths in the sandbox: those of its path arguments,
 * and those that its descriptors were opened by. `.` and `..` are taken out; links are not followed.
 */
import { AT_FDCWD } from '../../abi/open.js';
import { pathName } from '../fs/path-name.js';
import { dirfd, fd, path, pathOrNull } from '../syscalls/codecs.js';
import type { Declaration } from '../syscalls/declare.js';
import type { Task } from '../task/task.js';

export function callPaths(task: Task, declaration: Declaration, args: readonly unknown[]): string[] {
  const paths: string[] = [];
  declaration.args.forEach(({ codec }, i) => {
    const value = args[i];
    if ((codec === path || codec === pathOrNull) && typeof value === 'string') {
      const at = i > 0 && declaration.args[i - 1]?.codec === dirfd ? args[i - 1] : AT_FDCWD;
      paths.push(absolutePath(task, Number(at), value));
    } else if (codec === fd && typeof value === 'number') {
      const opened = descriptorPath(task, value);
      if (opened !== undefined) paths.push(opened);
    }
  });
  return paths;
}

/** The path by which a descriptor was opened; undefined for what has none (pipes, sockets). */
export function descriptorPath(task: Task, n: number): string | undefined {
  const place = task.files.get(n)?.path;
  return place && pathName(place, task.fs.root);
}

function absolutePath(task: Task, at: number, name: string): string {
  if (name.startsWith('/')) return tidy(name);
  const base = at === AT_FDCWD ? pathName(task.fs.cwd, task.fs.root) : descriptorPath(task, at);
  // A relative path at a descriptor that is none: the call will fail.
  if (base === undefined) return name;
  return name === '' ? base : tidy(`${base}/${name}`);
}

function tidy(absolute: string): string {
  const names: string[] = [];
  for (const name of absolute.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return `/${names.join('/')}`;
}
