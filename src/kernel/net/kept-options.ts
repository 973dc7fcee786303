/**
 * Options of one protocol level that are numbers, kept and shown again: they mean nothing on a
 * loopback, but programs set them and look.
 */
import { E } from '../../abi/errno.js';
import { type Failure, fail } from '../outcome.js';

export interface KeptOption {
  readonly initial: number;
  /** What may be set; others fail with EINVAL. Absent: any. */
  readonly min?: number;
  readonly max?: number;
  /** Kept as 0 or 1. */
  readonly flag?: true;
  /** Setting it fails (ENOPROTOOPT). */
  readonly readOnly?: true;
}

export type OptionTable = ReadonlyMap<number, KeptOption>;

export class KeptOptions {
  private readonly _values: Map<number, number>;

  constructor(
    readonly table: OptionTable,
    values: ReadonlyMap<number, number> = new Map(),
  ) {
    this._values = new Map(values);
  }

  /** Undefined: no such option here. */
  get(name: number): number | undefined {
    const option = this.table.get(name);
    return option && (this._values.get(name) ?? option.initial);
  }

  isOn(name: number): boolean {
    return (this.get(name) ?? 0) !== 0;
  }

  set(name: number, value: number): Failure | undefined {
    const option = this.table.get(name);
    if (!option || option.readOnly) return fail(E.ENOPROTOOPT);
    if (option.flag) {
      this._values.set(name, value === 0 ? 0 : 1);
      return undefined;
    }
    if (value < (option.min ?? value) || value > (option.max ?? value)) return fail(E.EINVAL);
    this._values.set(name, value);
    return undefined;
  }

  copy(): KeptOptions {
    return new KeptOptions(this.table, this._values);
  }
}

export function intBytes(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

/** The int of an option value; a single byte will do where IP is concerned. Undefined: too short. */
export function intOf(value: Uint8Array, shortest: 1 | 4): number | undefined {
  if (value.length >= 4) return new DataView(value.buffer, value.byteOffset).getInt32(0, true);
  return shortest === 1 ? value[0] : undefined;
}
