import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Ns } from '../../../../src/base/brand.js';
import { type Clock, later } from '../../../../src/base/clock.js';
import { Timekeeper } from '../../../../src/kernel/time/timekeeper.js';

const SEC = 1_000_000_000;
const MS = 1_000_000;
let hostNs: number;
const source: Clock = {
  monotonic: () => hostNs as Ns,
  realtime: () => later({ sec: 1_700_000_000, nsec: 999_999_999 }, hostNs),
  coarse: (which) => {
    const tick = hostNs - (hostNs % 4_000_000);
    return later(
      which === 'realtime' ? { sec: 1_700_000_000, nsec: 999_999_999 } : { sec: 0, nsec: 0 },
      tick,
    );
  },
};

beforeEach(() => {
  hostNs = 0;
});

describe('a timekeeper', () => {
  test('begins at zero, or goes on where the loaded kernel stood', () => {
    const keeper = new Timekeeper(source);
    expect(keeper.monotonic()).toBe(0);
    expect(() => keeper.continueAt(1)).toThrow();
    hostNs = 7;
    keeper.pause();
    keeper.continueAt(5 * SEC);
    expect(keeper.monotonic()).toBe(5 * SEC);
    hostNs = 100;
    keeper.resume(93);
    expect(keeper.monotonic()).toBe(5 * SEC);
    expect(keeper.realtime()).toEqual(source.realtime());
  });

  test('a pause is no part of monotonic time; the wall clock is at the present afterwards', () => {
    const keeper = new Timekeeper(source);
    hostNs = 3 * SEC;
    keeper.pause();
    hostNs = 10 * SEC;
    expect(keeper.monotonic()).toBe(3 * SEC);
    expect(keeper.coarse('monotonic')).toEqual({ sec: 3, nsec: 0 });
    keeper.pause();
    keeper.resume(7 * SEC);
    expect(keeper.monotonic()).toBe(3 * SEC);
    hostNs += 5;
    expect(keeper.monotonic()).toBe(3 * SEC + 5);
    expect(keeper.realtime()).toEqual(later({ sec: 1_700_000_000, nsec: 999_999_999 }, 10 * SEC + 5));
  });

  test('resume without a pause does nothing', () => {
    const keeper = new Timekeeper(source);
    hostNs = 4;
    keeper.resume(2);
    expect(keeper.monotonic()).toBe(4);
  });

  test('shards that stopped at different instants agree after they lost the same, and none goes back', () => {
    const shards = [new Timekeeper(source), new Timekeeper(source)];
    shards.forEach((keeper, i) => {
      hostNs = 100 * MS + i * MS;
      keeper.pause();
    });
    const seen = shards.map((keeper) => keeper.monotonic());
    expect(seen).toEqual([100 * MS, 101 * MS]);
    hostNs = 900 * MS;
    for (const keeper of shards) keeper.resume(800 * MS);
    expect(shards.map((keeper) => keeper.monotonic())).toEqual(seen);
    hostNs += 2 * MS;
    expect(shards.map((keeper) => keeper.monotonic())).toEqual([102 * MS, 102 * MS]);
  });

  test('coarse time does not go back by a pause, nor is its shift told before it cannot', () => {
    const keeper = new Timekeeper(source);
    const told: (number | undefined)[] = [];
    keeper.onShift = (shiftNs) => told.push(shiftNs);
    hostNs = 103 * MS;
    keeper.pause();
    hostNs = 901 * MS;
    keeper.resume(798 * MS);
    // The last tick was at 900: 102 by our time, and 103 has been shown.
    expect(keeper.isBehind).toBe(true);
    expect(keeper.coarse('monotonic')).toEqual({ sec: 0, nsec: 103 * MS });
    hostNs = 905 * MS;
    expect(keeper.isBehind).toBe(false);
    keeper.caughtUp();
    expect(keeper.coarse('monotonic')).toEqual({ sec: 0, nsec: 106 * MS });
    expect(told).toEqual([undefined, undefined, -798 * MS]);
  });

  test('skipTo moves both clocks, and never back', () => {
    const keeper = new Timekeeper(source, 'virtual');
    const before = keeper.realtime();
    keeper.skipTo(3600 * SEC);
    expect(keeper.monotonic()).toBe(3600 * SEC);
    expect(keeper.realtime()).toEqual(later(before, 3600 * SEC));
    expect(keeper.coarse('monotonic')).toEqual({ sec: 3600, nsec: 0 });
    keeper.skipTo(5);
    expect(keeper.monotonic()).toBe(3600 * SEC);
    keeper.pause();
    keeper.skipTo(7200 * SEC);
    expect(keeper.monotonic()).toBe(3600 * SEC);
  });

  test('who reads by the shift is stopped before the time that stands is read', () => {
    const keeper = new Timekeeper(source);
    keeper.onShift = () => {
      hostNs += 10;
    };
    hostNs = 100;
    keeper.pause();
    expect(keeper.monotonic()).toBe(110);
  });

  test('nowNanoseconds is the wall clock, exactly', () => {
    expect(new Timekeeper(source).nowNanoseconds()).toBe(1_700_000_000_999_999_999n);
  });
});
