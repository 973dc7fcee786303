/** Who comes to the shard's core, and who goes: sched(7). */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { SystrapContext } from '../../../../src/platform/systrap/context.js';
import { ANYWHERE, Cores, LOOK_NS } from '../../../../src/platform/systrap/cores.unsafe.js';
import { AFFINITY_SIZE, area as word } from '../../../../src/platform/systrap/layout.js';

const SCHED_SETAFFINITY = 203;
const MICROSECOND = 1000;
const several = availableParallelism() > 1 ? test : test.skip;

/** The cores that a context was sent to, as sets. */
class FakeContext {
  core = ANYWHERE;
  wentOn = 0;
  turnsAway = 0;
  stopped = true;
  readonly sentTo: Uint8Array[] = [];
  readonly area = {
    bytes: new Uint8Array(4096),
    groupFull: false,
    stubAddress: 0,
    pushOp: (_flags: number, nr: number, tid: number, size: number, at: number): void => {
      expect([nr, tid, size, at]).toEqual([SCHED_SETAFFINITY, 0, AFFINITY_SIZE, word.AFFINITY]);
      this.sentTo.push(this.area.bytes.slice(at, at + size));
    },
  };
}

let now: number;
let cores: Cores;
beforeEach(() => {
  now = 1_000_000_000;
  cores = new Cores(availableParallelism(), () => now);
});
afterEach(() => cores.part());

const newContext = (): SystrapContext & FakeContext =>
  new FakeContext() as unknown as SystrapContext & FakeContext;

/** Cores that this thread may use, as the host has it: "0-1". */
function allowed(): string {
  const status = readFileSync('/proc/thread-self/status', 'latin1');
  return /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '';
}

const before = allowed();

function takeTurns(...contexts: SystrapContext[]): void {
  for (let n = 0; n < 100 && !cores.together; n++) {
    for (const context of contexts) {
      cores.place(context);
      cores.woke(2);
      cores.handedOver();
    }
  }
}

/** One turn of a context that takes so long. */
function turn(context: SystrapContext, ns: number): void {
  cores.place(context);
  now += ns;
  if (cores.together) cores.trapped(context, 0);
}

const lingering = (running: number, ...contexts: SystrapContext[]): SystrapContext[] => [
  ...cores.lingering(contexts, running),
];

const bits = (set: Uint8Array | undefined): number =>
  set?.reduce((n, byte) => n + byte.toString(2).replace(/0/g, '').length, 0) ?? 0;

several('those who take turns come to the shard, which stays where it is; all go apart again', () => {
  const [a, b] = [newContext(), newContext()];
  takeTurns(a, b);
  expect(cores.together).toBe(true);
  expect(allowed()).toMatch(/^\d+$/);
  turn(a, MICROSECOND);
  turn(b, MICROSECOND);
  expect([cores.isHere(a), cores.isHere(b)]).toEqual([true, true]);
  expect([a, b].map((c) => bits(c.sentTo.at(-1)))).toEqual([1, 1]);
  cores.part();
  expect(allowed()).toBe(before);
  // Off the shard's core first: the host would not move it.
  cores.place(a);
  expect([cores.isHere(a), bits(a.sentTo.at(-1))]).toEqual([false, availableParallelism() - 1]);
  cores.place(a);
  expect(bits(a.sentTo.at(-1))).toBe(availableParallelism());
  expect(a.sentTo).toHaveLength(3);
  cores.place(a);
  expect(a.sentTo).toHaveLength(3);
});

several('one that answers at once, call after call, stays where it is', () => {
  const a = newContext();
  for (let n = 0; n < 1000; n++) {
    cores.handedOver();
    if (n % 10 === 0) cores.woke(1);
  }
  expect([cores.together, a.sentTo.length]).toEqual([false, 0]);
});

several('one that is left alone parts', () => {
  const [a, b] = [newContext(), newContext()];
  takeTurns(a, b);
  for (let n = 0; n < 1000 && cores.together; n++) turn(a, MICROSECOND);
  expect([cores.together, allowed()]).toEqual([false, before]);
});

several('one that computes is sent away, and may come again later', () => {
  const [a, b] = [newContext(), newContext()];
  takeTurns(a, b);
  turn(a, MICROSECOND);
  turn(b, 1000 * MICROSECOND);
  cores.place(b);
  expect([cores.isHere(a), cores.isHere(b)]).toEqual([true, false]);
  for (let n = 0; n < 100; n++) for (const c of [a, b]) turn(c, MICROSECOND);
  expect(cores.isHere(b)).toBe(true);
});

several('one that keeps the core without a call is found when the shard looks', () => {
  const [a, b] = [newContext(), newContext()];
  takeTurns(a, b);
  for (const c of [a, b]) turn(c, MICROSECOND);
  cores.place(b);
  Object.assign(b, { stopped: false });
  expect(lingering(1, a, b)).toEqual([]);
  now += LOOK_NS;
  expect(lingering(100, a, b)).toEqual([]);
  now += LOOK_NS;
  expect(lingering(1, a, b)).toEqual([b]);
  cores.place(b);
  expect(cores.isHere(b)).toBe(false);
});

several('so is one that stayed when the others had gone, until none is left', () => {
  const [a, b] = [newContext(), newContext()];
  takeTurns(a, b);
  for (const c of [a, b]) turn(c, MICROSECOND);
  cores.place(b);
  Object.assign(b, { stopped: false });
  cores.part();
  now += LOOK_NS;
  expect([cores.watching, lingering(1, a, b)]).toEqual([true, [b]]);
  cores.place(b);
  now += LOOK_NS;
  expect([lingering(1, a, b), cores.watching]).toEqual([[], false]);
});

several('a core that others want is left for a while', () => {
  const [a, b] = [newContext(), newContext()];
  takeTurns(a, b);
  for (let n = 0; n < 100 && cores.together; n++) turn(n % 2 ? a : b, 1000 * MICROSECOND);
  expect(cores.together).toBe(false);
  takeTurns(a, b);
  expect(cores.together).toBe(false);
  now += 1_000_000_000;
  takeTurns(a, b);
  expect(cores.together).toBe(true);
});

several('where more run than there are cores, nobody comes, and who came parts', () => {
  const many = availableParallelism() + 1;
  for (let n = 0; n < 1000; n++) cores.woke(many);
  expect(cores.together).toBe(false);
  const [a, b] = [newContext(), newContext()];
  takeTurns(a, b);
  expect(cores.together).toBe(true);
  for (let n = 0; n < 100 && cores.together; n++) {
    cores.place(a);
    cores.trapped(a, many);
  }
  expect(cores.together).toBe(false);
});

several('who forks is not kept on one core', () => {
  const [a, b] = [newContext(), newContext()];
  takeTurns(a, b);
  cores.forks();
  expect([cores.together, allowed()]).toEqual([false, before]);
});

test('nobody is sent anywhere where there is no choice', () => {
  cores = new Cores(1, () => now);
  const [a, b] = [newContext(), newContext()];
  takeTurns(a, b);
  expect([cores.together, a.sentTo, b.sentTo, allowed()]).toEqual([false, [], [], before]);
});
