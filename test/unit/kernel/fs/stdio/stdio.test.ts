import { beforeEach, describe, expect, test } from '@jest/globals';
import { E } from '../../../../../src/abi/errno.js';
import { O_RDWR } from '../../../../../src/abi/open.js';
import type { HostFd } from '../../../../../src/base/brand.js';
import type { HostFiles, HostStat } from '../../../../../src/kernel/fs/host-files.js';
import { newStdio } from '../../../../../src/kernel/fs/stdio/new-stdio.js';
import { BufferSink, BufferSource } from '../../../../../src/kernel/fs/user-io.js';
import { fail } from '../../../../../src/kernel/outcome.js';
import { IN, OUT, WOULD_BLOCK } from '../../../../../src/kernel/wait.js';
import { fsServices, read, write } from '../../../support/file-system.js';

/** A host with one descriptor: what can be read from it, and how much it takes. */
class FakeHost {
  stat: Partial<HostStat> = { mode: 0o010600, ino: 77 };
  input = '';
  room = 0;
  written = '';
  closed: number[] = [];
  ended = false;
  watches: { events: number; ready: (events: number) => void }[] = [];

  readonly files = {
    fstat: (_fd: number, into: HostStat) => {
      Object.assign(into, { rdevMajor: 0, rdevMinor: 0, nlink: 1 }, this.stat);
      return 0;
    },
    ioctl: () => -E.ENOTTY,
    readStream: (_fd: number, into: Uint8Array) => {
      if (this.input === '') return this.ended ? 0 : -E.EAGAIN;
      const n = Math.min(into.length, this.input.length);
      into.set(Buffer.from(this.input.slice(0, n)));
      this.input = this.input.slice(n);
      return n;
    },
    writeStream: (_fd: number, from: Uint8Array) => {
      if (this.room === 0) return -E.EAGAIN;
      const n = Math.min(this.room, from.length);
      this.written += Buffer.from(from.subarray(0, n)).toString();
      this.room -= n;
      return n;
    },
    poll: () => (this.input !== '' || this.ended ? IN : 0) | (this.room > 0 ? OUT : 0),
    close: (fd: number) => this.closed.push(fd),
    lseek: () => 3,
  };

  readonly services = fsServices({
    hostFiles: this.files as unknown as HostFiles,
    platform: {
      watch: (_fd: number, events: number, ready: (events: number) => void) => {
        const watch = { events, ready };
        this.watches.push(watch);
        return () => {
          this.watches = this.watches.filter((w) => w !== watch);
        };
      },
    },
  });

  open(options: { owned?: boolean; background?: boolean } = {}) {
    return newStdio(this.services, 5 as HostFd, { ...options, flags: O_RDWR });
  }
}

let host: FakeHost;
beforeEach(() => {
  host = new FakeHost();
});

const source = (text: string) => new BufferSource(Buffer.from(text), host.services.hostFiles);
const sink = (size: number) => new BufferSink(new Uint8Array(size), host.services.hostFiles);

describe('a pipe of the host', () => {
  test('shows what it is', () => {
    const file = host.open();
    expect(file.inode.attributes()).toMatchObject({ mode: 0o010600, ino: 77 });
    expect(file.linkName()).toBe('pipe:[77]');
    expect(file.seek(0, 0)).toBe(fail(E.ESPIPE));
    expect(file.mappable()).toBe(fail(E.ENODEV));
    expect(file.pollable).toBe(true);
  });

  test('a read takes what is there, and would block when nothing is', () => {
    const file = host.open();
    host.input = 'abc';
    expect(read(file, 100)).toBe('abc');
    expect(file.tryRead(sink(10))).toBe(WOULD_BLOCK);
    host.ended = true;
    expect(read(file, 100)).toBe('');
    expect(file.tryRead(sink(10), 0)).toBe(fail(E.ESPIPE));
  });

  test('a write gives what the host takes, and nothing is lost', () => {
    const file = host.open();
    host.room = 70_000;
    const from = source('x'.repeat(100_000));
    expect(file.tryWrite(from)).toBe(70_000);
    expect(from.remaining).toBe(30_000);
    expect(file.tryWrite(from)).toBe(WOULD_BLOCK);
    expect(from.remaining).toBe(30_000);
    host.room = 100_000;
    expect(file.tryWrite(from)).toBe(30_000);
    expect(host.written).toHaveLength(100_000);
  });

  test('the host is watched only while somebody waits, and once', () => {
    const file = host.open();
    const woken: number[] = [];
    const stop = file.listen(IN, (events) => woken.push(events));
    expect(host.watches.map((w) => w.events)).toEqual([IN]);
    expect(host.services.hostWaits.any).toBe(true);
    expect(file.tryRead(sink(10))).toBe(WOULD_BLOCK);
    expect(host.watches).toHaveLength(1);
    host.watches[0]?.ready(IN);
    expect(woken).toHaveLength(1);
    expect(host.watches).toHaveLength(0);
    // Nothing was there after all: it is watched again.
    expect(file.tryRead(sink(10))).toBe(WOULD_BLOCK);
    expect(host.watches).toHaveLength(1);
    stop();
    expect(host.watches).toHaveLength(0);
    expect(host.services.hostWaits.any).toBe(false);
  });

  test('who waits for a terminal that is bridged does not wait for the host', () => {
    const file = host.open({ background: true });
    const stop = file.listen(IN, () => {});
    expect(host.watches).toHaveLength(1);
    expect(host.services.hostWaits.any).toBe(false);
    stop();
  });

  test('is closed with its last description when it is the own', () => {
    const file = host.open({ owned: true });
    const again = file.stream.open(O_RDWR, undefined);
    file.release();
    expect(host.closed).toEqual([]);
    again.release();
    expect(host.closed).toEqual([5]);
    host.open().release();
    expect(host.closed).toEqual([5]);
  });
});

describe('other streams', () => {
  test('what is written to /dev/null is not even looked at', () => {
    host.stat = { mode: 0o020666, rdevMajor: 1, rdevMinor: 3 };
    const file = host.open();
    const from = source('abc');
    from.take = () => {
      throw new Error('looked at');
    };
    expect(file.tryWrite(from)).toBe(3);
    expect(read(file)).toBe('');
    expect(file.seek(7, 0)).toBe(0);
    expect(file.linkName()).toBe('/dev/null');
    expect(file.pollable).toBe(false);
  });

  test('a file is read and written at the host position, and can be mapped', () => {
    host.stat = { mode: 0o100644, size: 10 };
    const file = host.open();
    host.input = 'abcdef';
    expect(read(file, 4)).toBe('abcd');
    host.room = 100;
    expect(write(file, 'out')).toBe(3);
    expect(host.written).toBe('out');
    expect(file.seek(0, 1)).toBe(3);
    expect(file.mappable()).toEqual({ fd: 5, base: 0 });
    expect(file.readiness() & (IN | OUT)).toBe(IN | OUT);
  });

  test('a socket of the host shows as a pipe: no socket call works on it', () => {
    host.stat = { mode: 0o140777, ino: 88 };
    const file = host.open();
    expect(file.inode.attributes().mode).toBe(0o010600);
    expect(file.inode.mode).toBe(0o010600);
    expect(file.linkName()).toBe('pipe:[88]');
  });
});
