/**
 * Memory of this process outside of V8's heap: it has an address, it does not move, and other
 * processes may share it. Owner: whoever maps it, who also unmaps it.
 */
import { track } from '../../base/disposable.js';
import { errno, mmap, munmap, viewMemory } from './libc.unsafe.js';

const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MAP_NORESERVE = 0x4000;

export class HostError extends Error {
  override readonly name = 'HostError';
  constructor(
    readonly call: string,
    readonly errno: number,
  ) {
    super(`${call} failed on the host (errno ${errno})`);
  }
}

/** The result of a host call, or its errno thrown. */
export function check(call: string, result: number): number {
  if (result < 0) throw new HostError(call, errno());
  return result;
}

export class HostMemory {
  readonly #untrack = track('host memory');
  #mapped = true;

  private constructor(
    readonly address: number,
    readonly length: number,
  ) {}

  static anonymous(length: number): HostMemory {
    return HostMemory.#map(length, MAP_PRIVATE_ANONYMOUS, -1);
  }

  /** The memory of a memfd, shared with whoever else maps it. */
  static shared(fd: number, length: number): HostMemory {
    return HostMemory.#map(length, MAP_SHARED | MAP_NORESERVE, fd);
  }

  static #map(length: number, flags: number, fd: number): HostMemory {
    return new HostMemory(check('mmap', mmap(0, length, PROT_READ_WRITE, flags, fd, 0)), length);
  }

  /** A window on a part of it. Windows die with `unmap`: nobody may touch one afterwards. */
  view(offset: number, length: number): ArrayBuffer {
    return viewMemory(this.address + offset, length);
  }

  unmap(): void {
    if (!this.#mapped) return;
    this.#mapped = false;
    munmap(this.address, this.length);
    this.#untrack();
  }
}
