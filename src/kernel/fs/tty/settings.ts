/**
 * The settings of a terminal, termios(3), and what a fresh one has (Linux: tty_std_termios). Speeds are
 * only remembered: nothing here is a wire.
 */
import {
  B38400,
  CBAUD,
  CREAD,
  CS8,
  CSIZE,
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  ICANON,
  ICRNL,
  IEXTEN,
  ISIG,
  IUTF8,
  IXON,
  NCCS,
  ONLCR,
  OPOST,
  PARENB,
  VDISCARD,
  VEOF,
  VERASE,
  VINTR,
  VKILL,
  VLNEXT,
  VMIN,
  VQUIT,
  VREPRINT,
  VSTART,
  VSTOP,
  VSUSP,
  VWERASE,
} from '../../../abi/termios.js';

/** Field names are C's without c_. */
export interface Termios {
  readonly iflag: number;
  readonly oflag: number;
  readonly cflag: number;
  readonly lflag: number;
  readonly line: number;
  readonly cc: Uint8Array;
  readonly ispeed: number;
  readonly ospeed: number;
}

/** A special character that is switched off: _POSIX_VDISABLE. */
export const DISABLED = 0;

const CONTROL: readonly (readonly [number, number])[] = [
  [VINTR, 0x03],
  [VQUIT, 0x1c],
  [VERASE, 0x7f],
  [VKILL, 0x15],
  [VEOF, 0x04],
  [VMIN, 1],
  [VSTART, 0x11],
  [VSTOP, 0x13],
  [VSUSP, 0x1a],
  [VREPRINT, 0x12],
  [VDISCARD, 0x0f],
  [VWERASE, 0x17],
  [VLNEXT, 0x16],
];

export function defaultTermios(): Termios {
  const cc = new Uint8Array(NCCS);
  for (const [index, char] of CONTROL) cc[index] = char;
  return {
    iflag: ICRNL | IXON,
    oflag: OPOST | ONLCR,
    cflag: B38400 | CS8 | CREAD,
    lflag: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    line: 0,
    cc,
    ispeed: 38_400,
    ospeed: 38_400,
  };
}

/** What a pty makes of settings that were asked for: always eight bits, never parity. */
export function asPty(wanted: Termios): Termios {
  return { ...wanted, cflag: (wanted.cflag & ~(CSIZE | PARENB)) | CS8 | CREAD };
}

export function noTermios(): Termios {
  return { iflag: 0, oflag: 0, cflag: 0, lflag: 0, line: 0, cc: new Uint8Array(NCCS), ispeed: 0, ospeed: 0 };
}

/** `wanted`, but what is set in `locked` as it was before. */
export function withLocked(wanted: Termios, before: Termios, locked: Termios): Termios {
  const bits = (now: number, old: number, kept: number): number => ((now & ~kept) | (old & kept)) >>> 0;
  return {
    ...wanted,
    iflag: bits(wanted.iflag, before.iflag, locked.iflag),
    oflag: bits(wanted.oflag, before.oflag, locked.oflag),
    cflag: bits(wanted.cflag, before.cflag, locked.cflag),
    lflag: bits(wanted.lflag, before.lflag, locked.lflag),
    line: locked.line ? before.line : wanted.line,
    cc: wanted.cc.map((char, i) => (locked.cc[i] ? (before.cc[i] as number) : char)),
  };
}

const SLOW = [0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19_200, 38_400] as const;
const FAST = [
  57_600, 115_200, 230_400, 460_800, 500_000, 576_000, 921_600, 1_000_000, 1_152_000, 1_500_000, 2_000_000,
  2_500_000, 3_000_000, 3_500_000, 4_000_000,
] as const;
const CBAUDEX = 0o10000;

/** Bits a second of the B… constant in c_cflag; BOTHER (and what is unknown) is `other`. */
export function speedOf(cflag: number, other: number): number {
  const code = cflag & CBAUD;
  if (!(code & CBAUDEX)) return SLOW[code] ?? other;
  return FAST[(code & ~CBAUDEX) - 1] ?? other;
}

/** Whether this byte goes on with a character that an earlier one began. */
export function isContinuation(termios: Termios, byte: number): boolean {
  return (termios.iflag & IUTF8) !== 0 && (byte & 0xc0) === 0x80;
}

/** As the kernel's toupper and tolower: Latin-1 letters too. */
export function upperCase(byte: number): number {
  const latin = byte >= 0xe0 && byte <= 0xfe && byte !== 0xf7;
  return (byte >= 0x61 && byte <= 0x7a) || latin ? byte - 0x20 : byte;
}

export function lowerCase(byte: number): number {
  const latin = byte >= 0xc0 && byte <= 0xde && byte !== 0xd7;
  return (byte >= 0x41 && byte <= 0x5a) || latin ? byte + 0x20 : byte;
}

/** iscntrl(3) as the kernel sees bytes: Latin-1's second row of controls is none. */
export function isControl(byte: number): boolean {
  return byte < 0x20 || byte === 0x7f;
}
