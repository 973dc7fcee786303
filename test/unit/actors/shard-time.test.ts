import { beforeEach, describe, expect, test } from '@jest/globals';
import { ControlBlock } from '../../../src/actors/control-block.js';
import { ShardTime } from '../../../src/actors/shard-time.js';
import type { Ns } from '../../../src/base/brand.js';

let hostNs: number;
let fired: string[];
const note = (what: string) => (): void => void fired.push(what);

function shardTime(kind: 'real' | 'virtual' = 'real'): ShardTime {
  const source = {
    monotonic: () => hostNs as Ns,
    realtime: () => ({ sec: 0, nsec: 0 }),
    coarse: () => ({ sec: 0, nsec: 0 }),
  };
  return new ShardTime({ source, kind, guestsRun: () => false, countTick: () => {} });
}

beforeEach(() => {
  hostNs = 0;
  fired = [];
});

describe("a shard's time", () => {
  test('paused time fires no timer, and delays go on', () => {
    const time = shardTime();
    time.at(10, note('timer'));
    time.after(20, note('delay'));
    expect(time.dueInNs()).toBe(10);
    hostNs = 5;
    time.pause();
    hostNs = 100;
    expect(time.dueInNs()).toBe(-80);
    expect(time.fireDue()).toBe(true);
    expect(fired).toEqual(['delay']);
    expect(time.dueInNs()).toBe(Number.POSITIVE_INFINITY);
    time.resume(95);
    expect(time.dueInNs()).toBe(5);
    hostNs = 105;
    expect(time.fireDue()).toBe(true);
    expect(fired).toEqual(['delay', 'timer']);
  });

  test('a timer that was due when time stopped fires when it goes on', () => {
    const time = shardTime();
    time.at(10, note('timer'));
    hostNs = 10;
    time.pause();
    expect(time.fireDue()).toBe(false);
    time.resume(0);
    expect(time.fireDue()).toBe(true);
  });

  test('virtual time leaps from timer to timer, in their order', () => {
    const time = shardTime('virtual');
    expect(time.skip()).toBe(false);
    time.at(3_600_000_000_000, note('hour'));
    time.at(1_000_000_000, note('second'));
    expect(time.skip()).toBe(true);
    expect(time.fireDue()).toBe(true);
    expect(fired).toEqual(['second']);
    expect(time.skip()).toBe(true);
    time.fireDue();
    expect(fired).toEqual(['second', 'hour']);
    expect(time.skip()).toBe(false);
  });

  test('virtual time does not leap to a delay, nor real time to anything', () => {
    const virtual = shardTime('virtual');
    virtual.after(1000, note('delay'));
    expect(virtual.skip()).toBe(false);
    const real = shardTime('real');
    real.at(1000, note('timer'));
    expect(real.skip()).toBe(false);
  });

  test('paused virtual time does not leap', () => {
    const time = shardTime('virtual');
    time.at(1000, note('timer'));
    time.pause();
    expect(time.skip()).toBe(false);
  });
});

describe('the count of ticks', () => {
  test('is one a tick, whichever shard comes first', () => {
    const control = ControlBlock.create(2);
    for (const tick of [1, 1, 2, 1, 5, 5]) control.countTick(tick);
    expect(control.cpuClock).toBe(3);
  });

  test('goes on when the number of the tick wraps', () => {
    const control = ControlBlock.create(1);
    control.countTick(2 ** 31 - 1);
    control.countTick(2 ** 31);
    control.countTick(2 ** 31);
    expect(control.cpuClock).toBe(2);
  });
});
