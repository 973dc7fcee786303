import { expect, jest, test } from '@jest/globals';
import { HostClock, hostMonotonic } from '../../../../src/platform/host/clock.unsafe.js';

const ns = ({ sec, nsec }: { sec: number; nsec: number }): number => sec * 1e9 + nsec;
/** Nobody's clock is read while the machine does something else for so long, ten times in a row. */
const PATIENCE = 10;

test("counts from the kernel's beginning, exactly as the host's own clock does", () => {
  const began = hostMonotonic();
  const clock = new HostClock(began);
  let fits = false;
  for (let i = 0; i < PATIENCE && !fits; i++) {
    const before = clock.monotonic();
    const since = ns(hostMonotonic()) - ns(began);
    const after = clock.monotonic();
    // One microsecond is what two readings by system calls are apart, at the least.
    fits = after - before < 100_000 && since >= before - 1000 && since <= after + 1000;
  }
  expect(fits).toBe(true);
});

test('two clocks of one kernel agree', () => {
  const began = hostMonotonic();
  const [one, other] = [new HostClock(began), new HostClock(began)];
  for (let i = 0; i < 1000; i++) {
    const first = one.monotonic();
    const second = other.monotonic();
    expect(one.monotonic()).toBeGreaterThanOrEqual(second - 1000);
    expect(second).toBeGreaterThanOrEqual(first - 1000);
  }
});

test("realtime is the host's wall clock though the thread was not scheduled when it first looked", () => {
  const clock = new HostClock(hostMonotonic());
  const now = performance.now.bind(performance);
  let looks = 0;
  const spy = jest.spyOn(performance, 'now').mockImplementation(() => {
    // The third is the one behind the first look at the wall clock.
    const end = now() + (++looks === 3 ? 100 : 0);
    while (now() < end);
    return now();
  });
  try {
    clock.realtime();
  } finally {
    spy.mockRestore();
  }
  expect(looks).toBeGreaterThan(3);
  const before = Date.now();
  const time = Math.floor(ns(clock.realtime()) / 1e6);
  expect(time).toBeGreaterThanOrEqual(before - 1);
  expect(time).toBeLessThanOrEqual(Date.now() + 1);
});

test("realtime is the host's wall clock; coarse clocks are not ahead of it", () => {
  const clock = new HostClock(hostMonotonic());
  for (let i = 0; i < 100; i++) {
    const before = Date.now();
    const now = clock.realtime();
    const after = Date.now();
    expect(Math.floor(ns(now) / 1e6)).toBeGreaterThanOrEqual(before - 1);
    expect(Math.floor(ns(now) / 1e6)).toBeLessThanOrEqual(after + 1);
    expect(now.nsec).toBeLessThan(1e9);
    const coarse = clock.coarse('realtime');
    expect((coarse.sec - now.sec) * 1e9 + coarse.nsec - now.nsec).toBeLessThan(1e8);
  }
  expect(ns(clock.coarse('monotonic'))).toBeLessThanOrEqual(clock.monotonic());
});
