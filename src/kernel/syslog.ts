/**
 * The kernel's log, syslog(2) and dmesg(1): a ring of lines with a level and a time. What does not fit
 * any more pushes out the oldest. Linux: kernel/printk/printk.c.
 *
 * Owner: one for each shard, found by its services. All readers of SYSLOG_ACTION_READ take from one place.
 */
import type { SyslogEntry } from '../messages/snapshots.js';
import { PerKernel } from './per-kernel.js';
import type { KernelServices } from './services.js';
import { IN, WaitQueue } from './wait.js';

export const KERN_EMERG = 0;
export const KERN_NOTICE = 5;
export const KERN_INFO = 6;
/** console_loglevel of a kernel that was not told otherwise. */
const DEFAULT_CONSOLE_LEVEL = 7;
/** 1 << CONFIG_LOG_BUF_SHIFT, in characters. */
const BUFFER_SIZE = 1 << 17;
const NS_PER_US = 1000;
const US_PER_SEC = 1_000_000;

export class Syslog {
  consoleLevel = DEFAULT_CONSOLE_LEVEL;
  /** Notified (IN) when there is a line more. */
  readonly queue = new WaitQueue();
  readonly bufferSize = BUFFER_SIZE;
  private readonly _entries: SyslogEntry[] = [];
  private _size = 0;
  /** How many entries have been dropped: the number of the first that is there. */
  private _first = 0;
  /** Number of the next entry for SYSLOG_ACTION_READ, and of its character. */
  private _readNext = 0;
  private _readAt = 0;
  /** Number of the first entry after the last SYSLOG_ACTION_CLEAR. */
  private _clearedTo = 0;

  constructor(readonly services: KernelServices) {}

  write(level: number, text: string): void {
    const entry = { level, timeNs: this.services.clock.monotonic(), text };
    this._entries.push(entry);
    this._size += lineOf(entry).length;
    while (this._size > BUFFER_SIZE && this._entries.length > 1) this._dropOldest();
    this.queue.notify(IN);
  }

  entries(): readonly SyslogEntry[] {
    return [...this._entries];
  }

  /** What SYSLOG_ACTION_READ has not given yet. */
  get unread(): number {
    return this._sizeFrom(this._readNext) - this._readAt;
  }

  /** Takes at most so many characters of what is unread. */
  read(length: number): string {
    let text = '';
    while (text.length < length && this._readNext < this._end) {
      const rest = this._line(this._readNext).slice(this._readAt);
      const part = rest.slice(0, length - text.length);
      text += part;
      if (part.length === rest.length) {
        this._readNext++;
        this._readAt = 0;
      } else {
        this._readAt += part.length;
      }
    }
    return text;
  }

  /** The last whole lines that fit, of those after the last `clear`. */
  tail(length: number): string {
    let text = '';
    for (let n = this._end - 1; n >= Math.max(this._first, this._clearedTo); n--) {
      const line = this._line(n);
      if (text.length + line.length > length) break;
      text = line + text;
    }
    return text;
  }

  /** `tail` begins anew. */
  clear(): void {
    this._clearedTo = this._end;
  }

  private _sizeFrom(first: number): number {
    let size = 0;
    for (let n = first; n < this._end; n++) size += this._line(n).length;
    return size;
  }

  private get _end(): number {
    return this._first + this._entries.length;
  }

  private _line(n: number): string {
    const entry = this._entries[n - this._first];
    return entry ? lineOf(entry) : '';
  }

  private _dropOldest(): void {
    const oldest = this._entries.shift();
    if (!oldest) return;
    this._size -= lineOf(oldest).length;
    this._first++;
    if (this._readNext < this._first) {
      this._readNext = this._first;
      this._readAt = 0;
    }
  }
}

const syslogs = new PerKernel('syslog', (services) => new Syslog(services));

export function syslogOf(services: KernelServices): Syslog {
  return syslogs.of(services);
}

/** The first lines: what kernel this is, and on what it runs. */
export function logBoot(services: KernelServices): void {
  const log = syslogOf(services);
  const { uts, machine, platform } = services;
  log.write(KERN_NOTICE, `${uts.sysname} version ${uts.release} (${platform.name}) ${uts.version}`);
  log.write(KERN_INFO, `Memory: ${Math.floor(machine.memoryBytes / 1024)}K available`);
  log.write(KERN_INFO, `smp: Brought up 1 node, ${machine.cores} CPU${machine.cores === 1 ? '' : 's'}`);
}

/** As the buffer of the kernel has it: `<6>[    1.234567] text`. */
function lineOf({ level, timeNs, text }: SyslogEntry): string {
  const us = Math.floor(timeNs / NS_PER_US);
  const seconds = String(Math.floor(us / US_PER_SEC)).padStart(5);
  return `<${level}>[${seconds}.${String(us % US_PER_SEC).padStart(6, '0')}] ${text}\n`;
}
