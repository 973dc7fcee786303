import { expect, test } from '@jest/globals';
import { newPlacement } from '../../../src/actors/placement.js';

/** Shards that are busy for a given part of the time. */
function load(shares: number[]) {
  let ns = 0;
  return {
    shares,
    pass: (more: number) => {
      ns += more;
    },
    nowNs: () => ns,
    busyUs: (shard: number) => Math.round(((shares[shard] ?? 0) * ns) / 1000),
  };
}

test('pack keeps all at home', () => {
  const placement = newPlacement('pack', 4, load([1, 0, 0, 0]));
  expect([1, 2, 3].map(() => placement.choose())).toEqual([0, 0, 0]);
});

test('spread takes turns', () => {
  const placement = newPlacement('spread', 3, load([0, 0, 0]));
  expect([1, 2, 3, 4].map(() => placement.choose())).toEqual([1, 2, 0, 1]);
});

test('adaptive stays at home while that has time', () => {
  const shards = load([0.5, 0, 0]);
  const placement = newPlacement('adaptive', 3, shards);
  shards.pass(50_000_000);
  expect([1, 2, 3].map(() => placement.choose())).toEqual([0, 0, 0]);
});

test('adaptive goes where there is least to do once the home is busy, not twice to the same at once', () => {
  const shards = load([0.95, 0.1, 0.2]);
  const placement = newPlacement('adaptive', 3, shards);
  shards.pass(50_000_000);
  expect([1, 2, 3].map(() => placement.choose())).toEqual([1, 2, 1]);
});

test('adaptive comes back when the home has time again', () => {
  const shards = load([0.95, 0]);
  const placement = newPlacement('adaptive', 2, shards);
  shards.pass(50_000_000);
  expect(placement.choose()).toBe(1);
  const busyBefore = shards.busyUs(0);
  shards.pass(1_000_000_000);
  shards.shares[0] = busyBefore / (shards.nowNs() / 1000);
  expect(placement.choose()).toBe(0);
});
