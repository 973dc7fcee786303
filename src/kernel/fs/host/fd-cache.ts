/**
 * Host descriptors that stay open for the next user: the least recently used unused one is closed
 * when there are more than `capacity`. A descriptor that somebody holds is never closed, so open files
 * of guests can exceed the capacity; the host's RLIMIT_NOFILE is the real limit then.
 *
 * Owner: one HostFs.
 */
import type { HostFd } from '../../../base/brand.js';
import type { HostFiles } from '../host-files.js';

interface Entry {
  readonly fd: HostFd;
  holders: number;
}

export class FdCache {
  /** In order of use, the least recent first. */
  readonly #entries = new Map<number, Entry>();

  constructor(
    readonly hostFiles: HostFiles,
    readonly capacity: number,
  ) {}

  /** The descriptor of `key`, not held: good until others have been asked for. */
  peek(key: number): HostFd | undefined {
    return this.#entries.get(key)?.fd;
  }

  /** As peek, and now the most recently used. */
  use(key: number): HostFd | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.fd;
  }

  /** The descriptor of `key`, held until `release`. */
  hold(key: number): HostFd | undefined {
    const fd = this.use(key);
    const entry = this.#entries.get(key);
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
    this.#entries.set(key, { fd, holders: 0 });
    if (this.#entries.size > this.capacity) this.#evictOne(key);
    return fd;
  }

  release(key: number): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    entry.holders--;
    if (entry.holders === 0 && this.#entries.size > this.capacity) this.#close(key, entry);
  }

  /** Closes the descriptor unless somebody holds it. */
  forget(key: number): void {
    const entry = this.#entries.get(key);
    if (entry && entry.holders === 0) this.#close(key, entry);
  }

  dispose(): void {
    for (const [key, entry] of this.#entries) this.#close(key, entry);
  }

  #evictOne(except: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.holders > 0 || key === except) continue;
      this.#close(key, entry);
      return;
    }
  }

  #close(key: number, entry: Entry): void {
    this.#entries.delete(key);
    this.hostFiles.close(entry.fd);
  }
}
