/** The values of command-line options: what is written, to what it means. */
import type { Bind, User } from '../options.js';
import { UsageError } from './args.js';

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `512M`, `2G`, `1.5g`, `65536`: bytes. */
export function parseSize(value: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmgt]?)(?:i?b)?$/i.exec(value);
  const unit = UNITS[(match?.[2] ?? '').toUpperCase()];
  if (!match || unit === undefined) throw new UsageError('not a size; write 512M or 2G');
  const bytes = Math.floor(Number(match[1]) * unit);
  if (!Number.isSafeInteger(bytes) || bytes <= 0)
    throw new UsageError('not a possible size; write 512M or 2G');
  return bytes;
}

export function parseCount(value: string): number {
  if (!/^[1-9]\d{0,9}$/.test(value)) throw new UsageError('not a count; write a whole number above 0');
  return Number(value);
}

export function parseSeconds(value: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) : 0;
  if (!(seconds > 0 && Number.isFinite(seconds))) {
    throw new UsageError('not a time; write seconds, like 10 or 0.5');
  }
  return seconds;
}

/** `UID` or `UID:GID`; the group is the user's number when left out. */
export function parseUser(value: string): User {
  const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(value);
  const uid = Number(match?.[1]);
  const gid = Number(match?.[2] ?? match?.[1]);
  if (!match || uid > 0xffff_fffe || gid > 0xffff_fffe) {
    throw new UsageError('not a user; write numbers: UID or UID:GID');
  }
  return { uid, gid };
}

/** `SRC:DST`, `SRC:DST:ro`, `SRC:DST:rw`. Read only unless said otherwise. */
export function parseBind(value: string): Bind {
  const match = /^([^:]+):(\/[^:]*)(?::(ro|rw))?$/.exec(value);
  const [, source, target, mode] = match ?? [];
  if (source === undefined || target === undefined) {
    throw new UsageError('not a bind; write SRC:DST, SRC:DST:ro or SRC:DST:rw with an absolute DST');
  }
  return { source, target, readOnly: mode !== 'rw' };
}

export function parseVariable(value: string): [name: string, value: string] {
  const equals = value.indexOf('=');
  if (equals <= 0) throw new UsageError('not a variable; write NAME=VALUE');
  return [value.slice(0, equals), value.slice(equals + 1)];
}

export function parseAbsolute(value: string): string {
  if (!value.startsWith('/')) throw new UsageError('must be an absolute path in the sandbox, like /data');
  return value;
}

export function parseFile(value: string): string {
  if (value === '') throw new UsageError('not a file; write its path');
  return value;
}

export function parseSeed(value: string): number {
  const seed = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (!(seed <= 0xffff_ffff)) throw new UsageError('not a seed; write a whole number below 2^32');
  return seed;
}
