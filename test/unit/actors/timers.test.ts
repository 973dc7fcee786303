import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ShardTimers } from '../../../src/actors/timers.js';

test('timers fire by deadline, and those of one deadline in the order they were set', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 20 }), fc.boolean()), { maxLength: 60 }), (wanted) => {
      const timers = new ShardTimers();
      const fired: number[] = [];
      const cancels = wanted.map(([at], i) => timers.at(at, () => fired.push(i)));
      wanted.forEach(([, cancelled], i) => {
        if (cancelled) cancels[i]?.();
      });
      const expected = wanted
        .map(([at, cancelled], i) => ({ at, cancelled, i }))
        .filter((t) => !t.cancelled)
        .sort((a, b) => a.at - b.at || a.i - b.i);
      expect(timers.nextNs).toBe(expected[0]?.at ?? Number.POSITIVE_INFINITY);
      for (let now = 0; now <= 20; now++) timers.fireDue(now);
      expect(fired).toEqual(expected.map((t) => t.i));
      expect(timers.nextNs).toBe(Number.POSITIVE_INFINITY);
    }),
  );
});

test('a timer set by a timer that fires waits for its own time', () => {
  const timers = new ShardTimers();
  const fired: string[] = [];
  timers.at(5, () => {
    fired.push('first');
    timers.at(7, () => fired.push('second'));
  });
  timers.fireDue(6);
  expect(fired).toEqual(['first']);
  timers.fireDue(7);
  expect(fired).toEqual(['first', 'second']);
});

test('cancelling twice, or after firing, does nothing', () => {
  const timers = new ShardTimers();
  let fired = 0;
  const cancel = timers.at(1, () => fired++);
  timers.fireDue(1);
  cancel();
  cancel();
  expect(fired).toBe(1);
});
