import { beforeEach, describe, expect, test } from '@jest/globals';
import { S_IFIFO } from '../../../../../src/abi/mode.js';
import { O_DIRECT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from '../../../../../src/abi/open.js';
import { CAP, credentialsOf } from '../../../../../src/kernel/auth/credentials.js';
import { PseudoInode, pseudoFileSystems } from '../../../../../src/kernel/fs/anon/pseudo.js';
import type { FileDescription } from '../../../../../src/kernel/fs/file-description.js';
import { Fifo } from '../../../../../src/kernel/fs/pipe/fifo.js';
import { newPipe } from '../../../../../src/kernel/fs/pipe/new-pipe.js';
import type { PipeFile } from '../../../../../src/kernel/fs/pipe/pipe-file.js';
import { Failure, Restart } from '../../../../../src/kernel/outcome.js';
import { ERR, HUP, IN, OUT } from '../../../../../src/kernel/wait.js';
import { readText, shown, sinkOf, sourceOf, writeText } from '../../../../support/buffers.js';
import { FakeKernel } from '../../../../support/fake-kernel.js';

const BASIC = IN | OUT | HUP | ERR;
const { services } = new FakeKernel();
const creds = credentialsOf(1000, 1000);
let reader: PipeFile;
let writer: PipeFile;

beforeEach(() => {
  ({ reader, writer } = newPipe(services, creds, 0));
});

const ready = (file: FileDescription): number => file.readiness() & BASIC;

describe('readiness', () => {
  test('an empty pipe can be written and not read', () => {
    expect([ready(reader), ready(writer)]).toEqual([0, OUT]);
  });

  test('a full pipe can be written again once a whole page is free', () => {
    expect(shown(writer.tryWrite(sourceOf(new Uint8Array(100_000))))).toBe(65_536);
    expect([ready(reader), ready(writer)]).toEqual([IN, 0]);
    expect(writeText(writer, 'x')).toBe('blocks');
    reader.tryRead(sinkOf(4095));
    expect(ready(writer)).toBe(0);
    reader.tryRead(sinkOf(1));
    expect(ready(writer)).toBe(OUT);
  });

  test('the last writer leaves a hang-up, and what was written can still be read', () => {
    writeText(writer, 'abc');
    writer.release();
    expect(ready(reader)).toBe(IN | HUP);
    expect(readText(reader, 10)).toBe('abc');
    expect(ready(reader)).toBe(HUP);
    expect(readText(reader, 10)).toBe('');
  });

  test('without a reader a write fails with EPIPE, and POLLERR says so before', () => {
    reader.release();
    expect(ready(writer)).toBe(OUT | ERR);
    expect(writeText(writer, 'x')).toBe('EPIPE');
    expect(writeText(writer, '')).toBe(0);
  });

  test('both ends hear of what concerns them', () => {
    const heard: string[] = [];
    reader.listen(IN | HUP, () => heard.push('reader'));
    writer.listen(OUT | ERR, () => heard.push('writer'));
    writer.tryWrite(sourceOf(new Uint8Array(65_536)));
    reader.tryRead(sinkOf(100));
    expect(heard).toEqual(['reader']);
    reader.tryRead(sinkOf(5000));
    expect(heard).toEqual(['reader', 'writer']);
    writer.release();
    expect(heard).toContain('reader');
  });
});

describe('packets', () => {
  test('each read gives one packet, and drops what did not fit', () => {
    ({ reader, writer } = newPipe(services, creds, O_DIRECT));
    writeText(writer, 'first');
    writeText(writer, 'second');
    expect(readText(reader, 2)).toBe('fi');
    expect(readText(reader, 100)).toBe('second');
    expect(readText(reader, 100)).toBe('blocks');
  });
});

describe('capacity', () => {
  test('is a power of two of pages, and not below what is in the pipe', () => {
    const { pipe } = writer;
    expect(pipe.resize(70_000, creds)).toBe(131_072);
    writer.tryWrite(sourceOf(new Uint8Array(131_072)));
    expect(shown(pipe.resize(65_536, creds))).toBe('EBUSY');
    expect(readText(reader, 131_072)).toHaveLength(131_072);
    expect(pipe.resize(1, creds)).toBe(4096);
  });

  test('above pipe-max-size it takes CAP_SYS_RESOURCE', () => {
    expect(shown(writer.pipe.resize(2 << 20, creds))).toBe('EPERM');
    const able = { ...creds, effective: 1n << BigInt(CAP.SYS_RESOURCE) };
    expect(writer.pipe.resize(2 << 20, able)).toBe(2 << 20);
  });
});

describe('FIFO', () => {
  const { pipefs } = pseudoFileSystems(services);
  const inode = new PseudoInode(pipefs, S_IFIFO | 0o600, { uid: 0, gid: 0 });
  let fifo: Fifo;

  beforeEach(() => {
    fifo = new Fifo();
  });

  function open(flags: number): FileDescription {
    const file = fifo.open(inode, flags, undefined);
    if (file instanceof Failure) throw new Error(shown(file) as string);
    return file;
  }

  /** Starts the wait of a blocking open: whether it still waits, and how it can be asked again. */
  function waiting(file: FileDescription) {
    const call = file.finishOpen();
    let woken = false;
    let step = call?.next();
    const arm = (): void => {
      if (step && !step.done) {
        step.value.arm(() => {
          woken = true;
        });
      }
    };
    arm();
    return {
      get done(): boolean {
        if (call && woken && !step?.done) {
          woken = false;
          step = call.next('ready');
          arm();
        }
        return !step || step.done === true;
      },
      interrupt: () => call?.next('interrupted').value,
    };
  }

  test('a reader waits for a writer, and a writer that comes need not wait', () => {
    const r = open(O_RDONLY);
    const wait = waiting(r);
    expect(wait.done).toBe(false);
    const w = open(O_WRONLY);
    expect(waiting(w).done).toBe(true);
    expect(wait.done).toBe(true);
    writeText(w, 'met');
    expect(readText(r, 10)).toBe('met');
  });

  test('a partner that came and went meanwhile counts', () => {
    const w = open(O_WRONLY);
    const wait = waiting(w);
    expect(wait.done).toBe(false);
    open(O_RDONLY | O_NONBLOCK).release();
    expect(wait.done).toBe(true);
    expect(writeText(w, 'x')).toBe('EPIPE');
  });

  test('a signal ends the wait', () => {
    const r = open(O_RDONLY);
    expect(waiting(r).interrupt()).toBeInstanceOf(Restart);
    r.release();
    expect(shown(fifo.open(inode, O_WRONLY | O_NONBLOCK, undefined) as Failure)).toBe('ENXIO');
  });

  test('O_NONBLOCK: a writer without a reader fails with ENXIO, a reader does not wait', () => {
    expect(shown(fifo.open(inode, O_WRONLY | O_NONBLOCK, undefined) as Failure)).toBe('ENXIO');
    const r = open(O_RDONLY | O_NONBLOCK);
    expect(r.finishOpen()).toBeUndefined();
    expect(ready(r)).toBe(0);
    const w = open(O_WRONLY | O_NONBLOCK);
    w.release();
    expect(ready(r)).toBe(HUP);
  });

  test('what is left is gone when nobody has it open', () => {
    const both = open(O_RDWR | O_NONBLOCK);
    writeText(both, 'lost');
    both.release();
    expect(readText(open(O_RDONLY | O_NONBLOCK), 10)).toBe('');
  });
});
