import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Ns } from '../../../../src/base/brand.js';
import { type Clock, later } from '../../../../src/base/clock.js';
import { Timekeeper, type TimeShift } from '../../../../src/kernel/time/timekeeper.js';

const SEC = 1_000_000_000;
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
  test('begins at zero, or where the loaded kernel stood', () => {
    expect(new Timekeeper(source).monotonic()).toBe(0);
    const loaded = new Timekeeper(source, 'real', 5 * SEC);
    hostNs = 7;
    expect(loaded.monotonic()).toBe(5 * SEC + 7);
    expect(loaded.realtime()).toEqual(source.realtime());
  });

  test('a pause is no part of monotonic time; the wall clock is at the present afterwards', () => {
    const keeper = new Timekeeper(source);
    hostNs = 3 * SEC;
    expect(keeper.pause()).toBe(3 * SEC);
    hostNs = 10 * SEC;
    expect(keeper.monotonic()).toBe(3 * SEC);
    expect(keeper.coarse('monotonic')).toEqual({ sec: 3, nsec: 0 });
    expect(keeper.pause()).toBe(3 * SEC);
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
    const stopped = shards.map((keeper, i) => {
      hostNs = 1000 + 50 * i;
      return keeper.pause();
    });
    const seen = shards.map((keeper) => keeper.monotonic());
    hostNs = 9000;
    for (const keeper of shards) keeper.resume(9000 - Math.max(...stopped));
    expect(shards.map((keeper) => keeper.monotonic())).toEqual([1050, 1050]);
    for (const was of seen) expect(was).toBeLessThanOrEqual(1050);
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
    const told: (TimeShift & { at: number })[] = [];
    keeper.onShift = (shift) => {
      told.push({ ...shift, at: hostNs });
      hostNs += 10;
    };
    hostNs = 100;
    keeper.pause();
    expect(keeper.monotonic()).toBe(110);
    hostNs = 200;
    keeper.resume(90);
    expect(told).toEqual([
      { monotonicNs: undefined, realtimeNs: 0, at: 100 },
      { monotonicNs: -90, realtimeNs: 0, at: 200 },
    ]);
  });

  test('nowNanoseconds is the wall clock, exactly', () => {
    expect(new Timekeeper(source).nowNanoseconds()).toBe(1_700_000_000_999_999_999n);
  });
});
