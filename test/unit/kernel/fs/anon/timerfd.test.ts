import { beforeEach, describe, expect, test } from '@jest/globals';
import { CLOCK_MONOTONIC, CLOCK_REALTIME } from '../../../../../src/abi/time.js';
import { TimerFile } from '../../../../../src/kernel/fs/anon/timerfd.js';
import { IN } from '../../../../../src/kernel/wait.js';
import { shown, sinkOf } from '../../../../support/buffers.js';
import { FakeKernel } from '../../../../support/fake-kernel.js';

const MS = 1_000_000;
const time = (ns: number) => ({ sec: Math.floor(ns / 1e9), nsec: ns % 1e9 });
const setting = (valueNs: number, intervalNs = 0) => ({ value: time(valueNs), interval: time(intervalNs) });

let kernel: FakeKernel;
let timer: TimerFile;
beforeEach(() => {
  kernel = new FakeKernel();
  timer = new TimerFile(kernel.services, 0, CLOCK_MONOTONIC);
});

function take(file = timer): number | string {
  const sink = sinkOf(8);
  const r = shown(file.tryRead(sink));
  return r === 8 ? Number(new DataView(sink.buffer.buffer).getBigUint64(0, true)) : r;
}

describe('timerfd', () => {
  test('one shot: not before its time, once, then disarmed', () => {
    timer.set(setting(10 * MS), 'relative');
    kernel.advance(10 * MS - 1);
    expect([take(), timer.readiness() & IN]).toEqual(['blocks', 0]);
    expect(timer.get().value).toEqual({ sec: 0, nsec: 1 });
    kernel.advance(1);
    expect(timer.readiness() & IN).toBe(IN);
    expect(timer.get().value).toEqual({ sec: 0, nsec: 0 });
    expect([take(), take()]).toEqual([1, 'blocks']);
    expect(kernel.armedTimers).toBe(0);
  });

  test('an interval counts what nobody read, and keeps its phase', () => {
    timer.set(setting(10 * MS, 20 * MS), 'relative');
    kernel.advance(75 * MS);
    expect(take()).toBe(4);
    expect(timer.get().value.nsec).toBe(15 * MS);
    kernel.advance(15 * MS);
    expect(take()).toBe(1);
    // While nobody looks, nothing ticks: one timer at most.
    kernel.advance(1000 * MS);
    expect(kernel.armedTimers).toBe(0);
    expect(timer.get().value.nsec).toBe(20 * MS);
    expect(take()).toBe(50);
  });

  test('setting gives back what was, and zero disarms', () => {
    timer.set(setting(50 * MS, 7 * MS), 'relative');
    kernel.advance(20 * MS);
    expect(timer.set(setting(0), 'relative')).toEqual({ value: time(30 * MS), interval: time(7 * MS) });
    kernel.advance(100 * MS);
    expect(take()).toBe('blocks');
    expect(kernel.armedTimers).toBe(0);
  });

  test('an absolute time in the past is due at once', () => {
    timer.set(setting(kernel.nowNs), 'absolute');
    expect(take()).toBe(1);
  });

  test('absolute times are those of its clock', () => {
    const wall = new TimerFile(kernel.services, 0, CLOCK_REALTIME);
    const now = kernel.services.clock.realtime();
    wall.set({ value: { sec: now.sec + 2, nsec: now.nsec }, interval: time(0) }, 'absolute');
    kernel.advance(1999 * MS);
    expect(take(wall)).toBe('blocks');
    kernel.advance(1 * MS);
    expect(take(wall)).toBe(1);
  });

  test('a closed one leaves no timer behind', () => {
    timer.set(setting(10 * MS, 10 * MS), 'relative');
    timer.release();
    expect(kernel.armedTimers).toBe(0);
  });
});
