import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EPOLLET, EPOLLIN, EPOLLONESHOT, EPOLLOUT } from '../../../../../src/abi/poll.js';
import { EpollFile } from '../../../../../src/kernel/fs/anon/epoll.js';
import { EventFile } from '../../../../../src/kernel/fs/anon/eventfd.js';
import type { FileDescription } from '../../../../../src/kernel/fs/file-description.js';
import { IN } from '../../../../../src/kernel/wait.js';
import { shown, sinkOf, sourceOf } from '../../../../support/buffers.js';
import { FakeKernel } from '../../../../support/fake-kernel.js';

const { services } = new FakeKernel();
const interest = (events: number, data = 0) => ({ events: events >>> 0, dataLo: data, dataHi: 0 });
const event = (): EventFile => new EventFile(services, 0, 0n, 'counter');
const word = (n: number): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt(n)).buffer);
const signal = (file: FileDescription): unknown => file.tryWrite(sourceOf(word(1)));
const drain = (file: FileDescription): unknown => file.tryRead(sinkOf(8));

function collect(epoll: EpollFile, max = 100): number[] {
  const seen: number[] = [];
  epoll.collect(max, (_events, data) => seen.push(data));
  return seen.sort();
}

let epoll: EpollFile;
beforeEach(() => {
  epoll = new EpollFile(services);
});

type Mode = 'level' | 'edge' | 'oneShot';
const bits: Record<Mode, number> = { level: 0, edge: EPOLLET, oneShot: EPOLLONESHOT };

/** What the man page says, for counters that only become readable. */
class Model {
  readable = false;
  news = false;
  armed = true;
  constructor(readonly mode: Mode) {}
  write(): void {
    this.readable = true;
    this.news = true;
  }
  read(): void {
    this.readable = false;
  }
  rearm(): void {
    this.armed = true;
    this.news = this.readable;
  }
  report(): boolean {
    const yes = this.armed && this.readable && (this.mode === 'level' || this.news);
    this.news = false;
    if (yes && this.mode === 'oneShot') this.armed = false;
    return yes;
  }
}

const action = fc.record({
  which: fc.integer({ min: 0, max: 2 }),
  what: fc.constantFrom('write' as const, 'read' as const, 'rearm' as const, 'wait' as const),
});

describe('triggering', () => {
  test.each<Mode>(['level', 'edge', 'oneShot'])('%s follows the man page', (mode) => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const ep = new EpollFile(services);
        const files = [event(), event(), event()];
        const models = files.map(() => new Model(mode));
        files.forEach((f, i) => void ep.add(i, f, interest(EPOLLIN | bits[mode], i)));
        for (const { which, what } of actions) {
          const file = files[which] as EventFile;
          const model = models[which] as Model;
          if (what === 'write') {
            signal(file);
            // A one-shot entry that is not armed misses news; re-arming looks at the file itself.
            model.write();
          } else if (what === 'read') {
            drain(file);
            model.read();
          } else if (what === 'rearm') {
            ep.modify(which, file, interest(EPOLLIN | bits[mode], which));
            model.rearm();
          } else {
            const expected = models.flatMap((m, i) => (m.report() ? [i] : []));
            expect(collect(ep)).toEqual(expected);
          }
        }
      }),
    );
  });

  test('with room for few, all get their turn', () => {
    const files = [event(), event(), event()];
    files.forEach((f, i) => void epoll.add(i, f, interest(EPOLLIN, i)));
    files.forEach(signal);
    expect([collect(epoll, 1), collect(epoll, 1), collect(epoll, 1)].flat().sort()).toEqual([0, 1, 2]);
    expect(collect(epoll, 2)).toHaveLength(2);
  });
});

describe('interest list', () => {
  test('is about a descriptor and its description: EEXIST, ENOENT', () => {
    const file = event();
    expect(epoll.add(3, file, interest(EPOLLIN))).toBeUndefined();
    expect(shown(epoll.add(3, file, interest(EPOLLIN)))).toBe('EEXIST');
    expect(epoll.add(4, file, interest(EPOLLOUT))).toBeUndefined();
    expect(shown(epoll.delete(5, file))).toBe('ENOENT');
    expect(shown(epoll.modify(3, event(), interest(EPOLLIN)))).toBe('ENOENT');
  });

  test('loses what is closed for the last time, and keeps nothing alive', () => {
    const file = event().retain();
    epoll.add(3, file, interest(EPOLLIN, 3));
    signal(file);
    file.release();
    expect(collect(epoll)).toEqual([3]);
    file.release();
    expect(collect(epoll)).toEqual([]);
    expect(file.queue.empty).toBe(true);
  });

  test('lets go of its files when the epoll closes', () => {
    const file = event();
    epoll.add(3, file, interest(EPOLLIN, 3));
    epoll.release();
    expect(file.queue.empty).toBe(true);
  });
});

describe('epolls in epolls', () => {
  test('an inner one is readable while it has something to report', () => {
    const outer = new EpollFile(services);
    const file = event();
    outer.add(1, epoll, interest(EPOLLIN, 1));
    epoll.add(2, file, interest(EPOLLIN, 2));
    expect(collect(outer)).toEqual([]);
    signal(file);
    expect(epoll.readiness() & IN).toBe(IN);
    expect(collect(outer)).toEqual([1]);
    drain(file);
    expect(collect(outer)).toEqual([]);
  });

  test('no circles, and no chains of more than four links: ELOOP', () => {
    const chain = Array.from({ length: 6 }, () => new EpollFile(services));
    const link = (from: number, to: number): unknown =>
      shown((chain[from] as EpollFile).add(to, chain[to] as EpollFile, interest(EPOLLIN)));
    expect([link(0, 1), link(1, 2), link(2, 3), link(3, 4)]).toEqual([0, 0, 0, 0]);
    expect(link(4, 5)).toBe('ELOOP');
    expect(link(2, 0)).toBe('ELOOP');
  });
});
