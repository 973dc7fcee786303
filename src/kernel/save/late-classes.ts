/**
 * What a new kernel has of its own and a saved one only names: /proc, /sys and /dev/pts with all that is in
 * them. Their inodes are functions of the kernel, looked up again by the names under which they were held.
 */
import { CachedName } from '../fs/dentry-cache.js';
import { newFileSystem } from '../fs/file-system-types.js';
import type { Inode } from '../fs/inode.js';
import { MemInode } from '../fs/proc/mem-file.js';
import { Directory, Link, SyntheticFs, Text } from '../fs/synthetic/synthetic-fs.js';
import { Terminals, terminalsOf } from '../fs/tty/devpts.js';
import { PtmxInode } from '../fs/tty/pts-inode.js';
import { Failure, must } from '../outcome.js';
import type { KernelServices } from '../services.js';
import type { LateClass, LoadWalk } from './graph.js';

const services = (load: LoadWalk): KernelServices => load.external('services') as KernelServices;

const fileSystem: LateClass = {
  prototype: SyntheticFs.prototype,
  save: (object) => {
    const { type, dev } = object as SyntheticFs;
    return { type, dev };
  },
  find({ type, dev }, load) {
    const made = newFileSystem(services(load), String(type), '');
    if (!(made instanceof SyntheticFs)) return load.refuse(`there is no file system of type ${type}`);
    made.dev = Number(dev);
    return made;
  },
};

/** An inode by the name that somebody holds it under. */
function byName(prototype: Inode): LateClass {
  return {
    prototype,
    save(object, save) {
      const dentry = save.notes.get(object);
      const { fs } = object as Inode;
      if (!(dentry instanceof CachedName)) return save.refuse(`a file of ${fs.type} without a name`);
      return { fs, parent: dentry.parent?.inode, name: dentry.name };
    },
    find({ fs, parent, name }, load) {
      if (!parent) return (fs as SyntheticFs).root;
      const found = (parent as Inode).lookup(String(name));
      return found instanceof Failure ? load.refuse(`${name} is not there (errno ${found.errno})`) : found;
    },
  };
}

export const lateClasses: ReadonlyMap<string, LateClass> = new Map<string, LateClass>([
  ['SyntheticFs', fileSystem],
  ['Directory', byName(Directory.prototype)],
  ['Text', byName(Text.prototype)],
  ['Link', byName(Link.prototype)],
  ['MemInode', byName(MemInode.prototype)],
  [
    'Terminals',
    { prototype: Terminals.prototype, save: () => ({}), find: (_, load) => terminalsOf(services(load)) },
  ],
  [
    'PtmxInode',
    {
      prototype: PtmxInode.prototype,
      save: () => ({}),
      find: (_, load) => must(terminalsOf(services(load)).fs.root.lookup('ptmx')),
    },
  ],
]);
