/**
 * A worker's scratch memory for host calls that take structures: one buffer at a fixed address,
 * filled, used by one call, and free again. Nothing may be kept in it across calls.
 */
import { HostMemory } from './memory.unsafe.js';

const SIZE = 1 << 20;
const HEADER = 4096;

export class Scratch {
  readonly #memory = HostMemory.anonymous(SIZE);
  /** Address of the structures, and where data goes behind them. */
  readonly address = this.#memory.address;
  readonly dataAddress = this.address + HEADER;
  readonly dataSize = SIZE - HEADER;
  readonly view: DataView;
  readonly data: Uint8Array;

  constructor() {
    const buffer = this.#memory.view(0, SIZE);
    this.view = new DataView(buffer);
    this.data = new Uint8Array(buffer, HEADER);
  }

  /** The first bytes of the structures. */
  head(length: number): Uint8Array {
    return new Uint8Array(this.view.buffer, 0, length);
  }

  setU64(offset: number, value: number): void {
    this.view.setUint32(offset, value >>> 0, true);
    this.view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
  }

  dispose(): void {
    this.#memory.unmap();
  }
}

let own: Scratch | undefined;

/** The scratch memory of this worker; it lives as long as the worker. */
export function scratch(): Scratch {
  own ??= new Scratch();
  return own;
}
