import { beforeEach, describe, expect, test } from '@jest/globals';
import { CLOCK_TICK_NS, CpuClock } from '../../../../src/kernel/time/cpu-clock.js';

let nowNs: number;
let busy: boolean;
let ticks: number[];
let delay: { at: number; fire: () => void } | undefined;
let clock: CpuClock;

beforeEach(() => {
  nowNs = 3;
  busy = true;
  ticks = [];
  delay = undefined;
  const delays = {
    hostNs: () => nowNs,
    after: (ns: number, fire: () => void) => {
      const mine = { at: nowNs + ns, fire };
      delay = mine;
      return () => {
        if (delay === mine) delay = undefined;
      };
    },
  };
  clock = new CpuClock({ now: () => nowNs, delays, isBusy: () => busy, count: (tick) => ticks.push(tick) });
});

function elapse(toNs: number): void {
  nowNs = toNs;
  const due = delay;
  if (!due || due.at > nowNs) return;
  delay = undefined;
  due.fire();
}

describe('the CPU clock', () => {
  test('counts a tick when it is over', () => {
    clock.wake();
    elapse(CLOCK_TICK_NS - 1);
    expect(ticks).toEqual([]);
    elapse(CLOCK_TICK_NS);
    elapse(2 * CLOCK_TICK_NS);
    expect(ticks).toEqual([1, 2]);
  });

  test('K9: counts one, however many were missed', () => {
    clock.wake();
    elapse(17 * CLOCK_TICK_NS + 5);
    expect(ticks).toEqual([17]);
    expect(delay?.at).toBe(18 * CLOCK_TICK_NS);
  });

  test('does not tick while no guest runs', () => {
    clock.wake();
    busy = false;
    elapse(CLOCK_TICK_NS);
    expect(ticks).toEqual([1]);
    expect(delay).toBeUndefined();
    clock.wake();
    expect(delay).toBeUndefined();
    busy = true;
    clock.wake();
    expect(delay?.at).toBe(2 * CLOCK_TICK_NS);
  });

  test('stop and start are idempotent; a stopped clock does not wake', () => {
    clock.wake();
    clock.stop();
    clock.stop();
    clock.wake();
    expect(delay).toBeUndefined();
    clock.start();
    clock.start();
    elapse(CLOCK_TICK_NS);
    expect(ticks).toEqual([1]);
  });
});
