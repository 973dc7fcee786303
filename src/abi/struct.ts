/**
 * C structs as data: one declaration gives the type, the size, the offsets, and the codec.
 *
 * Natural alignment, little endian, as the x86-64 psABI lays structs out. 64-bit fields are JS
 * numbers (`i64`, `u64`: exact to 2⁵³) unless the field is a bit pattern (`u64big`: bigint).
 */
export interface Field<T> {
  readonly size: number;
  readonly align: number;
  read(view: DataView, offset: number): T;
  write(view: DataView, offset: number, value: T): void;
}

const TWO32 = 0x1_0000_0000;

function scalar<T>(size: number, read: Field<T>['read'], write: Field<T>['write']): Field<T> {
  return { size, align: size, read, write };
}

export const u8 = scalar<number>(
  1,
  (v, o) => v.getUint8(o),
  (v, o, x) => v.setUint8(o, x),
);
export const i8 = scalar<number>(
  1,
  (v, o) => v.getInt8(o),
  (v, o, x) => v.setInt8(o, x),
);
export const u16 = scalar<number>(
  2,
  (v, o) => v.getUint16(o, true),
  (v, o, x) => v.setUint16(o, x, true),
);
export const i16 = scalar<number>(
  2,
  (v, o) => v.getInt16(o, true),
  (v, o, x) => v.setInt16(o, x, true),
);
export const u32 = scalar<number>(
  4,
  (v, o) => v.getUint32(o, true),
  (v, o, x) => v.setUint32(o, x, true),
);
export const i32 = scalar<number>(
  4,
  (v, o) => v.getInt32(o, true),
  (v, o, x) => v.setInt32(o, x, true),
);
export const u64big = scalar<bigint>(
  8,
  (v, o) => v.getBigUint64(o, true),
  (v, o, x) => v.setBigUint64(o, BigInt.asUintN(64, x), true),
);
export const u64 = scalar<number>(
  8,
  (v, o) => v.getUint32(o + 4, true) * TWO32 + v.getUint32(o, true),
  setHalves,
);
export const i64 = scalar<number>(
  8,
  (v, o) => v.getInt32(o + 4, true) * TWO32 + v.getUint32(o, true),
  setHalves,
);
/** A pointer: an address as a number. */
export const ptr = u64;

function setHalves(v: DataView, o: number, x: number): void {
  v.setUint32(o, x >>> 0, true);
  v.setInt32(o + 4, Math.floor(x / TWO32), true);
}

/** A fixed array of bytes, as C's char[n]: shorter values are padded with zeros. */
export function bytes(n: number): Field<Uint8Array> {
  return {
    size: n,
    align: 1,
    read: (v, o) => new Uint8Array(v.buffer, v.byteOffset + o, n).slice(),
    write(v, o, x) {
      const target = new Uint8Array(v.buffer, v.byteOffset + o, n);
      target.fill(0);
      target.set(x.subarray(0, n));
    },
  };
}

export function array<T>(of: Field<T>, n: number): Field<T[]> {
  return {
    size: of.size * n,
    align: of.align,
    read: (v, o) => Array.from({ length: n }, (_, i) => of.read(v, o + i * of.size)),
    write(v, o, xs) {
      for (let i = 0; i < n; i++) {
        const x = xs[i];
        if (x !== undefined) of.write(v, o + i * of.size, x);
      }
    },
  };
}

type Fields = Record<string, Field<unknown>>;
export type StructValue<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export interface Struct<T> extends Field<T> {
  readonly name: string;
  /** Byte offset of each field. */
  readonly offsets: Readonly<Record<string, number>>;
  /** A value with every field missing from `partial` set to zero. */
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

/** `name` as C spells it ("struct stat" is "stat"), fields in order. `size` overrides the natural size. */
export function struct<const F extends Fields>(
  name: string,
  fields: F,
  options: { size?: number; packed?: boolean } = {},
): Struct<StructValue<F>> {
  const offsets: Record<string, number> = {};
  let end = 0;
  let align = 1;
  const entries = Object.entries(fields);
  for (const [key, f] of entries) {
    const a = options.packed ? 1 : f.align;
    end = Math.ceil(end / a) * a;
    offsets[key] = end;
    end += f.size;
    align = Math.max(align, a);
  }
  const size = options.size ?? Math.ceil(end / align) * align;
  const self: Struct<StructValue<F>> = {
    name,
    size,
    align,
    offsets,
    read(view, offset) {
      const out: Record<string, unknown> = {};
      for (const [key, f] of entries) out[key] = f.read(view, offset + (offsets[key] as number));
      return out as StructValue<F>;
    },
    write(view, offset, value) {
      const v = value as Record<string, unknown>;
      for (const [key, f] of entries) f.write(view, offset + (offsets[key] as number), v[key]);
    },
    encode(value) {
      const out = new Uint8Array(size);
      self.write(new DataView(out.buffer), 0, value);
      return out;
    },
    decode(b) {
      return self.read(new DataView(b.buffer, b.byteOffset, b.byteLength), 0);
    },
  };
  return self;
}
