/**
 * How strace prints values: strings with C escapes, flags by name, addresses in hex.
 */
import { userAddr } from '../../base/brand.js';
import { latin1 } from '../../base/bytes.js';
import type { UserMemory } from '../mm/user-memory.js';
import { PAGE_SIZE } from '../mm/user-memory.js';

/** Names of bits, or of values; those of several bits come before those of one. */
export type NameTable = Readonly<Record<string, number>>;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\t': '\\t',
  '\r': '\\r',
  '\v': '\\v',
  '\f': '\\f',
};

/** A byte string in quotes; `limit` bytes of it, then "...". */
export function quote(text: string, limit: number = Number.POSITIVE_INFINITY): string {
  const end = Math.min(text.length, limit);
  let out = '"';
  for (let i = 0; i < end; i++) out += escapeAt(text, i);
  return end < text.length ? `${out}"...` : `${out}"`;
}

function escapeAt(text: string, i: number): string {
  const c = text.charAt(i);
  const known = ESCAPES[c];
  if (known !== undefined) return known;
  const code = c.charCodeAt(0);
  if (code >= 0x20 && code < 0x7f) return c;
  // The shortest octal form, unless the next character would be read as part of it.
  const next = text.charAt(i + 1);
  const octal = code.toString(8);
  return `\\${next >= '0' && next <= '7' ? octal.padStart(3, '0') : octal}`;
}

export function hex(value: number): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

export function address(value: number): string {
  return value === 0 ? 'NULL' : hex(value);
}

/** "O_CREAT|O_TRUNC|0x40000000"; `zero` when no bit is set. */
export function bitNames(
  table: NameTable,
  value: number,
  options: { prefix?: string; zero?: string } = {},
): string {
  const names: string[] = [];
  let rest = value >>> 0;
  for (const [name, bits] of Object.entries(table)) {
    if (bits === 0 || (rest & bits) >>> 0 !== bits >>> 0) continue;
    names.push(`${options.prefix ?? ''}${name}`);
    rest = (rest & ~bits) >>> 0;
  }
  if (rest !== 0) names.push(hex(rest));
  return names.length === 0 ? (options.zero ?? '0') : names.join('|');
}

export function valueName(table: NameTable, value: number, prefix = ''): string {
  for (const [name, v] of Object.entries(table)) if (v === value) return `${prefix}${name}`;
  return hex(value);
}

/** A decoded struct: {tv_sec=1, tv_nsec=0} without the prefixes that C gives the names. */
export function fields(value: unknown, limit: number): string {
  if (value instanceof Uint8Array) return quote(untilNul(latin1(value)), limit);
  if (Array.isArray(value)) return `[${value.map((v) => fields(v, limit)).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const shown = Object.entries(value).filter(([name]) => !/^(pad|unused|spare|reserved)/.test(name));
    return `{${shown.map(([name, v]) => `${name}=${fields(v, limit)}`).join(', ')}}`;
  }
  return String(value);
}

function untilNul(text: string): string {
  const nul = text.indexOf('\0');
  return nul < 0 ? text : text.slice(0, nul);
}

/** `length` bytes of guest memory in quotes, or the address where they cannot be read. */
export function memoryText(memory: UserMemory, at: number, length: number, limit: number): string {
  if (at === 0 || length < 0) return address(at);
  const wanted = Math.min(length, limit);
  const bytes = new Uint8Array(wanted);
  if (memory.tryRead(userAddr(at), bytes) !== wanted) return address(at);
  return wanted < length ? `${quote(latin1(bytes))}...` : quote(latin1(bytes));
}

/** strace's ["sh", "-c", …]: an array of string pointers that ends with NULL. */
export function stringArray(memory: UserMemory, at: number, limit: number): string {
  const shown: string[] = [];
  for (let i = 0; i < limit; i++) {
    const pointer = readPointer(memory, at + i * 8);
    if (pointer === undefined) return shown.length === 0 ? address(at) : `[${shown.join(', ')}, ???]`;
    if (pointer === 0) return `[${shown.join(', ')}]`;
    shown.push(stringText(memory, pointer, limit));
  }
  return `[${shown.join(', ')}, ...]`;
}

/** strace's abbreviation of an environment: how many strings there are. */
export function countedArray(memory: UserMemory, at: number, noun: string): string {
  for (let count = 0; ; count++) {
    const pointer = readPointer(memory, at + count * 8);
    if (pointer === undefined) return address(at);
    if (pointer === 0) return `${hex(at)} /* ${count} ${noun}${count === 1 ? '' : 's'} */`;
  }
}

function readPointer(memory: UserMemory, at: number): number | undefined {
  const word = new Uint8Array(8);
  if (memory.tryRead(userAddr(at), word) !== 8) return undefined;
  const view = new DataView(word.buffer);
  return view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
}

/** A NUL-terminated string, at most `limit` bytes of it. */
export function stringText(memory: UserMemory, at: number, limit: number): string {
  const wanted = Math.min(limit, PAGE_SIZE);
  const bytes = new Uint8Array(wanted + 1);
  const got = bytes.subarray(0, memory.tryRead(userAddr(at), bytes));
  const nul = got.indexOf(0);
  if (nul >= 0) return quote(latin1(got.subarray(0, nul)));
  return got.length <= wanted ? address(at) : `${quote(latin1(got.subarray(0, wanted)))}...`;
}
