/**
 * Host descriptors that stay open for the next user: the least recently used unused one is closed
 * when there are more than `capacity`. A descriptor that somebody holds is never closed, so open files
 * of guests can exceed the capacity; the host's RLIMIT_NOFILE is the real limit then.
 *
 * Owner: one HostFs.
 */
import type { HostFd } from '../../../base/brand.js';
import { membersOf } from '../../save/graph.js';
import type { HostFiles } from '../host-files.js';

interface Entry {
  readonly fd: HostFd;
  holders: number;
}

export class FdCache {
  /** In order of use, the least recent first. */
  private _entries = new Map<number, Entry>();

  constructor(
    readonly hostFiles: HostFiles,
    readonly capacity: number,
  ) {}

  /** The descriptor of `key`, not held: good until others have been asked for. */
  peek(key: number): HostFd | undefined {
    return this._entries.get(key)?.fd;
  }

  /** As peek, and now the most recently used. */
  use(key: number): HostFd | undefined {
    const entry = this._entries.get(key);
    if (!entry) return undefined;
    this._entries.delete(key);
    this._entries.set(key, entry);
    return entry.fd;
  }

  /** The descriptor of `key`, held until `release`. */
  hold(key: number): HostFd | undefined {
    const fd = this.use(key);
    const entry = this._entries.get(key);
    if (entry) entry.holders++;
    return fd;
  }

  /** Takes over a fresh descriptor; closes it when there is one already, and answers that one. */
  add(key: number, fd: HostFd): HostFd {
    const known = this.use(key);
    if (known !== undefined) {
      this.hostFiles.close(fd);
      return known;
    }
    this._entries.set(key, { fd, holders: 0 });
    if (this._entries.size > this.capacity) this._evictOne(key);
    return fd;
  }

  release(key: number): void {
    const entry = this._entries.get(key);
    if (!entry) return;
    entry.holders--;
    if (entry.holders === 0 && this._entries.size > this.capacity) this._close(key, entry);
  }

  /** Closes the descriptor unless somebody holds it. */
  forget(key: number): void {
    const entry = this._entries.get(key);
    if (entry && entry.holders === 0) this._close(key, entry);
  }

  toSaved(): Record<string, unknown> {
    return membersOf(this, ['_entries']);
  }

  fromSaved(saved: Record<string, unknown>): void {
    Object.assign(this, saved, { _entries: new Map() });
  }

  dispose(): void {
    for (const [key, entry] of this._entries) this._close(key, entry);
  }

  private _evictOne(except: number): void {
    for (const [key, entry] of this._entries) {
      if (entry.holders > 0 || key === except) continue;
      this._close(key, entry);
      return;
    }
  }

  private _close(key: number, entry: Entry): void {
    this._entries.delete(key);
    this.hostFiles.close(entry.fd);
  }
}
