/**
 * Mounts, dentries and places: which name in which mount. A VfsPath is Linux's struct path.
 *
 * Dentries are a cache of names (`FileSystem.cachesNames`) and the memory of how a place was
 * reached: getcwd and /proc/pid/fd walk `parent` upwards.
 */
import type { FileSystem, Inode } from './inode.js';

export interface Mount {
  readonly id: number;
  readonly fs: FileSystem;
  readonly root: Dentry;
  /** Where it is mounted; undefined for the root of a namespace. */
  readonly parent: Mount | undefined;
  readonly mountpoint: Dentry | undefined;
  /** MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC… */
  flags: number;
  /** First column of /proc/mounts. */
  readonly source: string;
}

export interface Dentry {
  readonly inode: Inode;
  name: string;
  parent: Dentry | undefined;
  /** Removed or replaced: /proc shows " (deleted)". */
  deleted: boolean;
  /** Names below that are known; undefined where the file system does not want a cache. */
  children: Map<string, Dentry> | undefined;
  /** Names dropped from `children` that somebody may still hold; see dentry-cache.ts. */
  evicted?: Map<string, WeakRef<Dentry>> | undefined;
  /** Found again since the cache last looked: survives its next round. */
  recent?: boolean;
  /** Index in the cache's ring; -1 while not cached. */
  slot?: number;
  /** How many mounts hang here; a walk asks the mount table only when it is not 0. */
  mounted?: number;
}

export interface VfsPath {
  readonly mount: Mount;
  readonly dentry: Dentry;
}
