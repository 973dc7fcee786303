/**
 * The caller's terminal: its size, and raw mode as cfmakeraw(3) has it: every byte passes in both
 * directions. (Node's setRawMode leaves output processing on, and its sizes are those of stdout.)
 */
import { ioctl } from './libc-files.unsafe.js';

const TCGETS = 0x5401;
const TCSETSW = 0x5403;
const TIOCGWINSZ = 0x5413;
const TERMIOS_SIZE = 36;
/** Offsets in struct termios of the kernel. */
const IFLAG = 0;
const OFLAG = 4;
const CFLAG = 8;
const LFLAG = 12;
/** IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON */
const RAW_INPUT = 0o2753;
const OPOST = 0o1;
const CS8 = 0o60;
const CSIZE_PARENB = 0o460;
/** ECHO ECHONL ICANON ISIG IEXTEN */
const RAW_LOCAL = 0o100113;

/** Puts the terminal into raw mode; the result puts it back as it was. Undefined: it is no terminal. */
export function rawTerminal(fd: number): (() => void) | undefined {
  const before = new Uint8Array(TERMIOS_SIZE);
  if (ioctl(fd, TCGETS, before) < 0) return undefined;
  const raw = before.slice();
  const words = new DataView(raw.buffer);
  const change = (at: number, off: number, on = 0): void =>
    words.setUint32(at, (words.getUint32(at, true) & ~off) | on, true);
  change(IFLAG, RAW_INPUT);
  change(OFLAG, OPOST);
  change(CFLAG, CSIZE_PARENB, CS8);
  change(LFLAG, RAW_LOCAL);
  // VTIME and VMIN: a read waits for one byte.
  raw[17 + 5] = 0;
  raw[17 + 6] = 1;
  ioctl(fd, TCSETSW, raw);
  return () => {
    ioctl(fd, TCSETSW, before);
  };
}

/** In characters; 80 × 24 where nobody says. */
export function windowSize(fd: number): { columns: number; rows: number } {
  const size = new Uint16Array(4);
  ioctl(fd, TIOCGWINSZ, new Uint8Array(size.buffer));
  const [rows = 0, columns = 0] = size;
  return { columns: columns || 80, rows: rows || 24 };
}
