/** Who may touch a thread's area: both ends of a lane, over memory that stands in for a stub's. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { LaneCall } from '../../../../src/platform/platform.js';
import { LaneEnd } from '../../../../src/platform/systrap/lane.js';
import { LaneReceiver } from '../../../../src/platform/systrap/lane-receiver.js';
import { LaneTable } from '../../../../src/platform/systrap/lane-table.js';
import {
  AREA_SIZE,
  AREAS,
  SHARD_PAGE_SIZE,
  State,
  shardPage,
  area as word,
} from '../../../../src/platform/systrap/layout.js';
import { greg, ThreadArea, ucontext } from '../../../../src/platform/systrap/thread-area.js';

const SLOT = 3;
const ADDRESS = 0x1234_5678_9000;
const FRAME = 0x6000;
const INFO = 0x7000;
const ARCH = 0xc000_003e;
const SIGSYS = 31;

let table: LaneTable;
let page: Int32Array;
let memory: ArrayBuffer;
let area: ThreadArea;
let end: LaneEnd;
let receiver: LaneReceiver;
let calls: { tid: number; call: LaneCall }[];
let nonsense: number[];
let woken: number;

beforeEach(() => {
  table = LaneTable.create();
  page = new Int32Array(SHARD_PAGE_SIZE >> 2);
  memory = new ArrayBuffer(AREA_SIZE);
  area = new ThreadArea(memory, AREAS, ADDRESS);
  area.prepare(SLOT);
  end = new LaneEnd(table, SLOT, area, 0);
  calls = [];
  nonsense = [];
  woken = 0;
  const host = {
    stubSpin: () => 7,
    wake: () => {
      woken++;
    },
    viewAt: (address: number) => {
      expect(address).toBe(ADDRESS);
      return memory;
    },
  };
  receiver = new LaneReceiver(host, table, page, {
    onCall: (tid, call) => calls.push({ tid, call }),
    onNonsense: (tid) => nonsense.push(tid),
  });
  end.setOwner(55, 1, 2);
  letGo();
});

/** As the shard lets its guest run. */
function letGo(): void {
  end.letGo(true);
  area.go(State.GO_RUN);
  area.setWord(word.STATE, State.RUNNING);
}

/** As a stub reports a system call. */
function report(
  number: number,
  { byLane, frame = FRAME, signo = SIGSYS } = { byLane: true } as Reported,
): void {
  area.setU64(word.UCONTEXT, AREAS + frame);
  area.setU64(word.SIGINFO, AREAS + INFO);
  area.setWord(INFO + 28, ARCH);
  area.setWord(word.SIGNO, signo);
  area.setU64(FRAME + ucontext.GREGS + 8 * greg.RAX, number);
  area.setU64(FRAME + ucontext.GREGS + 8 * greg.RDI, 0x1_0000_0007);
  area.setWord(word.REPORTED_BY, byLane ? 1 : 0);
  area.setWord(word.STATE, State.TRAPPED);
  if (!byLane) return;
  const at = Atomics.add(page, shardPage.TAIL >> 2, 1);
  page[(shardPage.RING >> 2) + at] = SLOT + 1;
}
interface Reported {
  readonly byLane: boolean;
  readonly frame?: number;
  readonly signo?: number;
}

const theCall = (): LaneCall => calls.at(-1)?.call as LaneCall;
const result = (): number => area.u64(FRAME + ucontext.GREGS + 8 * greg.RAX);

describe('a call by the lane', () => {
  test('comes home with its caller, number, arguments and mask, and the guest goes on with the result', () => {
    report(110);
    expect(receiver.poll()).toBe(1);
    const call = theCall();
    expect({ tid: calls[0]?.tid, number: call.number, mask: [call.maskLo, call.maskHi] }).toEqual({
      tid: 55,
      number: 110,
      mask: [1, 2],
    });
    expect([call.args[0], call.args[1]]).toEqual([7, 1]);
    expect(table.held).toBe(1);
    expect(call.answer(1234)).toBe(true);
    expect({ result: result(), state: area.state, held: table.held, woken }).toEqual({
      result: 1234,
      state: State.GO_RUN,
      held: 0,
      woken: 0,
    });
  });

  test('wakes a stub that sleeps', () => {
    report(110);
    receiver.poll();
    area.setWord(word.STATE, State.PARKED);
    theCall().answer(0);
    expect(woken).toBe(1);
  });

  test('is found without the ring', () => {
    report(110);
    receiver.poll();
    theCall().answer(0);
    area.setWord(word.STATE, State.RUNNING);
    report(111);
    page.fill(0);
    expect(receiver.scan()).toBe(1);
    expect(theCall().number).toBe(111);
  });

  test('is not taken twice, whatever the ring says', () => {
    report(110);
    report(110);
    receiver.poll();
    receiver.scan();
    expect(calls).toHaveLength(1);
  });

  test('is not for its own shard, unless the thread is wanted there', () => {
    report(110);
    expect(end.take(false)).toBe(false);
    expect(end.recall()).toBe(true);
    expect(end.take(true)).toBe(true);
    expect(end.begun).toBe(false);
    expect(receiver.poll()).toBe(0);
  });
});

describe('a thread that is wanted on its shard', () => {
  test('comes back in the middle of its call, whose result is not for the lane any more', () => {
    report(110);
    receiver.poll();
    expect(end.recall()).toBe(true);
    expect(theCall().answer(5)).toBe(false);
    expect({ state: area.state, held: table.held }).toEqual({ state: State.TRAPPED, held: 0 });
    expect(end.take(true)).toBe(true);
    expect(end.begun).toBe(true);
  });

  test('is to be stopped where it runs', () => {
    expect(end.recall()).toBe(false);
    report(110);
    receiver.poll();
    theCall().answer(0);
    area.setWord(word.STATE, State.RUNNING);
    expect(end.recall()).toBe(false);
    expect(end.take(true)).toBe(false);
  });

  test('is handed over with its result', () => {
    report(110);
    receiver.poll();
    theCall().handOver();
    expect(theCall().answer(5)).toBe(false);
    expect(end.take(false)).toBe(true);
    expect(end.begun).toBe(true);
    letGo();
    report(39, { byLane: false });
    expect(end.take(false)).toBe(true);
    expect(end.begun).toBe(false);
  });
});

describe('a call that the home does not begin', () => {
  test('is for its shard', () => {
    report(110);
    receiver.poll();
    theCall().decline();
    expect(table.held).toBe(0);
    expect(end.recall()).toBe(true);
    expect(end.take(false)).toBe(true);
    expect(end.begun).toBe(false);
  });

  test('calls are counted', () => {
    const before = table.calls(SLOT);
    report(110);
    receiver.poll();
    expect(table.calls(SLOT)).toBe(before + 1);
  });
});

describe('the home leaves alone', () => {
  test('what was reported to the shard, even when the ring names it', () => {
    report(110);
    report(110, { byLane: false });
    expect(receiver.poll()).toBe(0);
    expect(end.take(false)).toBe(true);
    expect(receiver.scan()).toBe(0);
  });

  test('a thread that is gone, and the one that has its slot now', () => {
    report(110);
    receiver.poll();
    const old = theCall();
    end.close();
    expect(table.held).toBe(0);
    expect(old.answer(1)).toBe(false);
    end = new LaneEnd(table, SLOT, area, 0);
    end.setOwner(56, 0, 0);
    letGo();
    report(111);
    receiver.poll();
    expect(old.answer(1)).toBe(false);
    expect(calls.at(-1)?.tid).toBe(56);
    expect(theCall().answer(1)).toBe(true);
  });

  test('numbers that are no slots', () => {
    page[shardPage.RING >> 2] = -5;
    page[(shardPage.RING >> 2) + 1] = 0x7fff_ffff;
    page[shardPage.TAIL >> 2] = 2;
    expect(receiver.poll()).toBe(0);
  });

  test.each([
    ['a frame outside of the area', { frame: AREA_SIZE }],
    ['another signal', { signo: 11 }],
  ])('%s: its shard is to look', (_what, wrong) => {
    report(110, { byLane: true, ...wrong });
    expect(receiver.poll()).toBe(0);
    expect(nonsense).toEqual([55]);
    expect(end.take(false)).toBe(true);
  });

  test('calls of threads that nobody has named', () => {
    end.setOwner(0, 0, 0);
    report(110);
    expect(receiver.poll()).toBe(0);
    expect(calls).toEqual([]);
  });
});
