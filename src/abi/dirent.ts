/** getdents64(2): struct linux_dirent64 and the older struct linux_dirent, both of varying length. */

/** Bytes before the name in linux_dirent64: d_ino, d_off, d_reclen, d_type. */
export const DIRENT64_HEAD = 19;
/** Bytes before the name in linux_dirent: d_ino, d_off, d_reclen; the type is the record's last byte. */
export const DIRENT_HEAD = 18;

interface Entry {
  readonly ino: number;
  readonly next: number;
  readonly type: number;
  /** Byte string. */
  readonly name: string;
}

const roundUp8 = (n: number): number => Math.ceil(n / 8) * 8;

export function dirent64Size(nameLength: number): number {
  return roundUp8(DIRENT64_HEAD + nameLength + 1);
}

export function direntSize(nameLength: number): number {
  return roundUp8(DIRENT_HEAD + nameLength + 2);
}

/** Writes one record at `offset`, which has room for dirent64Size; returns its length. */
export function writeDirent64(view: DataView, offset: number, entry: Entry): number {
  const length = dirent64Size(entry.name.length);
  writeHead(view, offset, entry, length);
  view.setUint8(offset + 18, entry.type);
  writeName(view, offset + DIRENT64_HEAD, entry.name, offset + length);
  return length;
}

export function writeDirent(view: DataView, offset: number, entry: Entry): number {
  const length = direntSize(entry.name.length);
  writeHead(view, offset, entry, length);
  writeName(view, offset + DIRENT_HEAD, entry.name, offset + length);
  view.setUint8(offset + length - 1, entry.type);
  return length;
}

function writeHead(view: DataView, offset: number, entry: Entry, length: number): void {
  view.setBigUint64(offset, BigInt(entry.ino), true);
  view.setBigInt64(offset + 8, BigInt(entry.next), true);
  view.setUint16(offset + 16, length, true);
}

function writeName(view: DataView, at: number, name: string, end: number): void {
  for (let i = 0; i < name.length; i++) view.setUint8(at + i, name.charCodeAt(i));
  for (let i = at + name.length; i < end; i++) view.setUint8(i, 0);
}
