/**
 * /dev: a tmpfs with the usual nodes in it, as Linux's devtmpfs is (drivers/base/devtmpfs.c). What the
 * nodes do is the drivers' (registry.ts).
 */
import { makedev, S_IFCHR, S_IFDIR, S_IFLNK } from '../../../abi/mode.js';
import type { HostFd } from '../../../base/brand.js';
import { must } from '../../outcome.js';
import type { KernelServices } from '../../services.js';
import { newTmpfs, type Tmpfs } from '../tmpfs/tmpfs.js';
import { PTMX_MINOR, TTY_MINOR, TTYAUX_MAJOR } from '../tty/device-number.js';
import {
  FULL_MINOR,
  MEM_MAJOR,
  NULL_MINOR,
  RANDOM_MINOR,
  registerMemoryDevices,
  URANDOM_MINOR,
  ZERO_MINOR,
} from './memory-devices.js';
import { deviceRegistry } from './registry.js';
import { registerTerminals } from './terminal-device.js';

export interface DevFsOptions {
  /** The host terminal that /dev/tty is; absent: opening it answers ENXIO. */
  readonly terminal?: HostFd;
}

const NODES: readonly (readonly [string, number, number])[] = [
  ['null', MEM_MAJOR, NULL_MINOR],
  ['zero', MEM_MAJOR, ZERO_MINOR],
  ['full', MEM_MAJOR, FULL_MINOR],
  ['random', MEM_MAJOR, RANDOM_MINOR],
  ['urandom', MEM_MAJOR, URANDOM_MINOR],
  ['tty', TTYAUX_MAJOR, TTY_MINOR],
  ['ptmx', TTYAUX_MAJOR, PTMX_MINOR],
];
const LINKS: readonly (readonly [string, string])[] = [
  ['fd', '/proc/self/fd'],
  ['stdin', '/proc/self/fd/0'],
  ['stdout', '/proc/self/fd/1'],
  ['stderr', '/proc/self/fd/2'],
];

export function newDevFs(services: KernelServices, options: DevFsOptions = {}): Tmpfs {
  const registry = deviceRegistry(services);
  registerMemoryDevices(registry, services);
  registerTerminals(registry, services, options.terminal);
  const { clock, hostFiles } = services;
  const fs = newTmpfs({ clock, hostFiles, type: 'devtmpfs', mode: 0o755, openDevice: registry.open });
  const owner = { uid: 0, gid: 0 };
  for (const [name, major, minor] of NODES) {
    must(fs.root.create(name, { ...owner, mode: S_IFCHR | 0o666, rdev: makedev(major, minor) }));
  }
  for (const [name, target] of LINKS) {
    must(fs.root.symlink(name, target, { ...owner, mode: S_IFLNK | 0o777 }));
  }
  must(fs.root.mkdir('shm', { ...owner, mode: S_IFDIR | 0o1777 }));
  must(fs.root.mkdir('pts', { ...owner, mode: S_IFDIR | 0o755 }));
  return fs;
}
