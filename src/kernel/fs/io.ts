/**
 * Where the bytes of a read go, and where those of a write come from. A file system moves bytes
 * without knowing whether they are guest memory (one buffer or an iovec), a pipe, or another file.
 */
import type { HostFd } from '../../base/brand.js';

export interface Sink {
  /** Bytes still wanted. */
  readonly remaining: number;
  /** Takes bytes, at most `remaining`; returns how many it could take (fewer: fault, stop). */
  put(bytes: Uint8Array): number;
  /**
   * Takes up to `length` bytes straight from a host file, with no copy through the kernel where it
   * can. Returns the bytes taken, 0 at end of file, or a negative errno.
   */
  putFromFile(fd: HostFd, offset: number, length: number): number;
  /** Takes `length` zero bytes. */
  putZeros(length: number): number;
}

export interface Source {
  readonly remaining: number;
  /** Up to `max` bytes, valid until the next call; shorter only at the end or before a fault. */
  take(max: number): Uint8Array;
  /** Gives up to `length` bytes straight to a host file; the bytes given or a negative errno. */
  takeToFile(fd: HostFd, offset: number, length: number): number;
  /** Puts back the last `length` bytes taken: the receiver had no room for them. */
  giveBack?(length: number): void;
  /** Passes over bytes without looking at them. */
  skip(length: number): number;
}
