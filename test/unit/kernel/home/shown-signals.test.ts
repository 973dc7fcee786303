/** What signalfds show of bodies' signals: both ends, with messages by hand. */
import { beforeEach, expect, test } from '@jest/globals';
import type { FromHome, ToHome } from '../../../../src/kernel/home/conversation.js';
import { ShownSignals, WatchedSignals } from '../../../../src/kernel/home/shown-signals.js';
import { EMPTY_MASK } from '../../../../src/kernel/signal/mask.js';
import { PendingSignals } from '../../../../src/kernel/signal/pending.js';
import type { SignalInfo } from '../../../../src/kernel/signal/siginfo.js';
import type { Task } from '../../../../src/kernel/task/task.js';
import type { ThreadGroup } from '../../../../src/kernel/task/thread-group.js';
import { IN, WaitQueue } from '../../../../src/kernel/wait.js';

const USR1 = 10;
const RT = 34;
const PID = 7;

interface Half {
  readonly group: ThreadGroup;
  readonly task: Task;
}

let deputy: Half;
let body: Half;
let shown: ShownSignals;
let watched: WatchedSignals;
let down: FromHome[];
let up: ToHome[];

function half(): Half {
  const tasks = new Set<Task>();
  const group = { pid: PID, tasks, pending: new PendingSignals(), signalQueue: new WaitQueue() };
  const task = { tid: PID, group, pending: new PendingSignals() } as unknown as Task;
  tasks.add(task);
  return { group: group as unknown as ThreadGroup, task };
}

beforeEach(() => {
  [deputy, body] = [half(), half()];
  [down, up] = [[], []];
  shown = new ShownSignals((_group, message) => down.push(message));
  watched = new WatchedSignals((message) => up.push(message));
});

const signal = (signo: number): SignalInfo =>
  ({ kind: 'kill', signo, code: 0, pid: 1, uid: 0 }) as SignalInfo;

function arrives(queue: PendingSignals, signo: number): void {
  queue.add(signal(signo), 100);
  body.group.signalQueue.notify(IN);
}

function deliverDown(): void {
  for (const message of down.splice(0)) {
    if (message.type === 'watchSignals') watched.watch(body.group);
    else if (message.type === 'signalTaken') {
      watched.taken(body.group, message.tid === 0 ? body.group.pending : body.task.pending, message.signo);
    }
  }
}
function deliverUp(): void {
  for (const message of up.splice(0)) if (message.type === 'pending') shown.receive(deputy.group, message);
}

test('what waited before it was watched is shown, and what comes later', () => {
  arrives(body.group.pending, USR1);
  expect(up).toEqual([]);
  expect(shown.any(deputy.task, EMPTY_MASK)).toBe(false);
  deliverDown();
  deliverUp();
  expect(shown.any(deputy.task, EMPTY_MASK)).toBe(true);
  let woken = 0;
  deputy.group.signalQueue.listen(IN, () => {
    woken++;
  });
  arrives(body.task.pending, RT);
  deliverUp();
  expect(woken).toBe(1);
  // A thread's own come first, as where it runs.
  expect([shown.take(deputy.task, EMPTY_MASK)?.signo, shown.take(deputy.task, EMPTY_MASK)?.signo]).toEqual([
    RT,
    USR1,
  ]);
});

test('what was read is gone on both sides, and what was told before that is passed over', () => {
  shown.watch(deputy.group);
  arrives(body.group.pending, USR1);
  deliverDown();
  deliverUp();
  expect(shown.take(deputy.task, EMPTY_MASK)?.signo).toBe(USR1);
  // On its way when the body had not heard of it.
  arrives(body.group.pending, RT);
  deliverUp();
  expect(shown.any(deputy.task, EMPTY_MASK)).toBe(false);
  deliverDown();
  deliverUp();
  expect(body.group.pending.list().map((info) => info.signo)).toEqual([RT]);
  expect(shown.take(deputy.task, EMPTY_MASK)?.signo).toBe(RT);
  expect(shown.take(deputy.task, EMPTY_MASK)).toBeUndefined();
});

test('what the body took by itself is not shown any more', () => {
  shown.watch(deputy.group);
  deliverDown();
  arrives(body.group.pending, USR1);
  deliverUp();
  body.group.pending.take(EMPTY_MASK);
  watched.look(body.group);
  deliverUp();
  expect(shown.any(deputy.task, EMPTY_MASK)).toBe(false);
});

test('nothing is told twice, nor of who is forgotten', () => {
  shown.watch(deputy.group);
  deliverDown();
  arrives(body.group.pending, USR1);
  const told = up.length;
  watched.look(body.group);
  expect(up).toHaveLength(told);
  watched.forget(body.group);
  arrives(body.group.pending, RT);
  expect(up).toHaveLength(told);
});

test('a timer tells of itself when its signal is read', () => {
  let taken = 0;
  const timer = {
    taken: (info: SignalInfo) => {
      taken++;
      return info;
    },
  };
  const info = {
    kind: 'timer',
    signo: RT,
    code: -2,
    timerId: 1,
    overrun: 0,
    value: { lo: 0, hi: 0 },
    timer,
    setting: 3,
  };
  shown.watch(deputy.group);
  deliverDown();
  body.group.pending.add(info as SignalInfo, 100);
  body.group.signalQueue.notify(IN);
  // What crosses has no functions.
  expect(structuredClone(up)).toHaveLength(2);
  deliverUp();
  expect(shown.take(deputy.task, EMPTY_MASK)?.kind).toBe('timer');
  deliverDown();
  expect(taken).toBe(1);
});
