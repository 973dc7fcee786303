/** Events from a shard to its observers, both ends of the ring on one thread. */
import { EventEmitter } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { describe, expect, test } from '@jest/globals';
import { NR } from '../../../src/abi/numbers.js';
import { EventBlock, OBSERVER_SLOTS } from '../../../src/actors/event-block.js';
import { EventHub } from '../../../src/actors/event-hub.js';
import { EventInbox } from '../../../src/actors/event-inbox.js';
import { EventOutbox } from '../../../src/actors/event-outbox.js';
import { Ring } from '../../../src/actors/ring.js';
import { CallWatch } from '../../../src/kernel/watch/call-watch.js';
import type { KernelEvent, ObserverSpec } from '../../../src/messages/events.js';

const WINDOW = 1 << 14;

function setUp(ringBytes = 1 << 20) {
  const ring = Ring.create(ringBytes);
  const block = EventBlock.create(1);
  const port = new EventEmitter();
  const messages: string[] = [];
  const outbox = new EventOutbox({ shard: 0, ring, block, wake: () => messages.push('wake') });
  const calls = new CallWatch();
  const host = { ns: 1e9 };
  const hub = new EventHub({ shard: 0, block, outbox, calls, timeNs: () => 7, hostNs: () => host.ns });
  const inbox = new EventInbox(block, [ring.buffer], [port as unknown as MessagePort]);
  /** An observer whose events pile up in `got`, dealt with at once unless it is `slow`. */
  const observe = (spec: Partial<ObserverSpec> = {}, { slow = false } = {}) => {
    const got: KernelEvent[] = [];
    const numbers = inbox.add((event) => {
      got.push(event);
      if (!slow && numbers) inbox.dealtWith(event, numbers);
    });
    if (!numbers) throw new Error('no room');
    hub.observe({ types: ['taskExit'], mode: 'lossy', ...spec, ...numbers });
    return { got, numbers };
  };
  const exits = (count: number, pid = 5): void => {
    for (let i = 0; i < count; i++) {
      hub.emit({ seq: 0, timeNs: i, pid, tid: 6, shard: 0, type: 'taskExit', exitStatus: i });
    }
  };
  const arrive = async (): Promise<void> => {
    while (messages.splice(0).length > 0 || ring.readable > 0) {
      port.emit('message', null);
      await new Promise((resolve) => setImmediate(resolve));
      hub.flush();
    }
  };
  return { hub, inbox, calls, outbox, observe, exits, arrive, messages, host };
}

const droppedIn = (events: readonly KernelEvent[]): number =>
  events.reduce((sum, e) => sum + (e.type === 'dropped' ? e.count : 0), 0);

describe('observers', () => {
  test('get what their filters want, in order', async () => {
    const { hub, observe, exits, arrive } = setUp();
    const all = observe();
    const one = observe({ pids: [9] });
    const other = observe({ types: ['exec'] });
    exits(3);
    exits(1, 9);
    hub.flush();
    await arrive();
    expect(all.got.map((e) => e.pid)).toEqual([5, 5, 5, 9]);
    expect(one.got).toMatchObject([{ type: 'taskExit', pid: 9, exitStatus: 0 }]);
    expect(other.got).toEqual([]);
  });

  test('that share an event get one each', async () => {
    const { hub, observe, exits, arrive } = setUp();
    const [a, b] = [observe(), observe()];
    exits(1);
    hub.flush();
    await arrive();
    expect(a.got).toEqual(b.got);
    expect(a.got[0]).not.toBe(b.got[0]);
  });

  test('a type that nobody wants any more is not wanted', () => {
    const { hub, calls, observe } = setUp();
    expect(hub.wants('syscall')).toBe(false);
    const { numbers } = observe({ types: ['syscall'], syscalls: 'openat' });
    expect(hub.wants('syscall')).toBe(true);
    expect([calls.interest[NR.openat], calls.interest[NR.getpid]]).toEqual([1, 0]);
    hub.unobserve(numbers.id);
    expect(hub.wants('syscall')).toBe(false);
    expect(calls.interest.some((n) => n !== 0)).toBe(false);
  });

  test('are limited in number, and a place that is given back serves again', () => {
    const { inbox } = setUp();
    const all = Array.from({ length: OBSERVER_SLOTS }, () => inbox.add(() => {}));
    expect(all.every((n) => n !== undefined)).toBe(true);
    expect(inbox.add(() => {})).toBeUndefined();
    inbox.remove(all[3] ?? { id: -1, slot: -1 });
    expect(inbox.add(() => {})).toMatchObject({ slot: all[3]?.slot });
  });

  test('the embedder is woken once for all that comes while it sleeps', () => {
    const { hub, observe, exits, messages } = setUp();
    observe();
    for (let i = 0; i < 10; i++) {
      exits(1);
      hub.flush();
    }
    expect(messages).toEqual(['wake']);
  });

  describe('is woken', () => {
    /** As a shard does with traps that come one upon the other. */
    const busyFor = ({ hub, host }: ReturnType<typeof setUp>, ms: number): void => {
      const end = host.ns + ms * 1e6;
      for (; host.ns < end; host.ns += 2_000) hub.settled();
    };

    test('by a shard that is about to sleep: at once, or a moment after it was woken before', () => {
      const set = setUp();
      const { hub, observe, exits, messages, inbox, host } = set;
      observe();
      exits(1);
      expect(messages).toEqual([]);
      hub.idle();
      expect(messages).toEqual(['wake']);
      inbox.drainAll();
      expect(hub.flushInNs).toBe(Number.POSITIVE_INFINITY);
      exits(1);
      hub.idle();
      expect(messages).toEqual(['wake']);
      const wait = hub.flushInNs;
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThanOrEqual(1e6);
      host.ns += wait;
      hub.idle();
      expect(hub.flushInNs).toBe(Number.POSITIVE_INFINITY);
    });

    test('by one that is busy: seldom, though it has something to say all the time, and of all of it', async () => {
      const set = setUp();
      const { hub, observe, exits, messages, arrive } = set;
      const { got } = observe();
      let wakes = 0;
      for (let ms = 0; ms < 200; ms++) {
        exits(1);
        busyFor(set, 1);
        wakes += messages.length;
        await arrive();
      }
      expect(wakes).toBeGreaterThanOrEqual(8);
      expect(wakes).toBeLessThanOrEqual(11);
      hub.flush();
      await arrive();
      expect(got.map((e) => e.type === 'taskExit' && e.exitStatus)).toEqual(Array(200).fill(0));
    });

    test('when there is much to catch up with, before it loses any', () => {
      const { observe, exits, messages } = setUp();
      const { got } = observe();
      exits(WINDOW / 2);
      expect(got).toEqual([]);
      expect(messages).toEqual(['wake']);
    });
  });

  test('of one process do not concern the calls of another', () => {
    const { calls, observe } = setUp();
    observe({ types: ['syscall'], syscalls: 'openat', pids: [9] });
    expect([calls.concerns(NR.openat, 9), calls.concerns(NR.openat, 8)]).toEqual([true, false]);
    expect(calls.concerns(NR.getpid, 9)).toBe(false);
  });

  test('byte strings arrive as Unicode', async () => {
    const { hub, observe, arrive } = setUp();
    const { got } = observe({ types: ['fileUnlink'] });
    const path = Buffer.from('/tmp/größe', 'utf8').toString('latin1');
    hub.emit({ seq: 0, timeNs: 0, pid: 5, tid: 5, shard: 0, type: 'fileUnlink', path });
    hub.flush();
    await arrive();
    expect(got).toMatchObject([{ path: '/tmp/größe' }]);
  });
});

describe('an observer that is slow', () => {
  test('loses events, which are counted in their place', async () => {
    const { hub, inbox, observe, exits, arrive } = setUp(1 << 22);
    const { got, numbers } = observe({}, { slow: true });
    exits(WINDOW + 1_000);
    hub.flush();
    await arrive();
    expect(got.length).toBe(WINDOW);
    expect(hub.held).toBe(false);
    for (const event of [...got]) inbox.dealtWith(event, numbers);
    exits(1);
    hub.flush();
    await arrive();
    expect(got.slice(WINDOW)).toMatchObject([{ type: 'dropped', count: 1_000 }, { type: 'taskExit' }]);
  });

  test('that must lose nothing holds the guests until it has caught up', async () => {
    const { hub, inbox, observe, exits, arrive } = setUp();
    const { got, numbers } = observe({ mode: 'lossless' }, { slow: true });
    exits(WINDOW + 10);
    expect(hub.held).toBe(true);
    hub.flush();
    await arrive();
    expect(got.length).toBe(WINDOW + 10);
    expect(hub.held).toBe(true);
    for (const event of got.slice(0, 11)) inbox.dealtWith(event, numbers);
    expect(hub.held).toBe(false);
    hub.unobserve(numbers.id);
    expect(hub.held).toBe(false);
  });

  test('does not cost the others anything', async () => {
    const { hub, observe, exits, arrive } = setUp();
    observe({}, { slow: true });
    const quick = observe();
    for (let i = 0; i < 8; i++) {
      exits(WINDOW / 4);
      hub.flush();
      await arrive();
    }
    expect(quick.got.length).toBe(2 * WINDOW);
    expect(droppedIn(quick.got)).toBe(0);
  });

  test('a full ring: what is delivered and what is counted as dropped is all there was', async () => {
    const { hub, outbox, observe, exits, arrive } = setUp(1 << 14);
    const lossy = observe();
    const lossless = observe({ mode: 'lossless' });
    exits(5_000);
    expect(outbox.congested).toBe(true);
    expect(hub.held).toBe(true);
    await arrive();
    hub.flush();
    await arrive();
    expect(hub.held).toBe(false);
    const exitsIn = (events: readonly KernelEvent[]): number[] =>
      events.flatMap((e) => (e.type === 'taskExit' ? [e.exitStatus] : []));
    expect(exitsIn(lossless.got)).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
    expect(droppedIn(lossy.got)).toBeGreaterThan(0);
    expect(exitsIn(lossy.got).length + droppedIn(lossy.got)).toBe(5_000);
  });
});
