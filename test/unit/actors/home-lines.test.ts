/** The rings between the home and another shard, both ends on this thread. */
import { expect, test } from '@jest/globals';
import { ControlBlock } from '../../../src/actors/control-block.js';
import { AwayLine, HomeLines } from '../../../src/actors/home-lines.js';
import { newPoolData } from '../../../src/actors/pool-data.js';
import type { FromHome, ToHome } from '../../../src/kernel/home/conversation.js';
import type { KernelConfig } from '../../../src/messages/kernel.js';

function ends() {
  const data = newPoolData({ shards: 2 } as KernelConfig);
  const control = new ControlBlock(data.control);
  const home = new HomeLines(data, control);
  const away = new AwayLine(data, control, 1);
  const atHome: ToHome[] = [];
  const atShard: FromHome[] = [];
  home.attach((_, message) => atHome.push(message));
  away.attach((message) => atShard.push(message));
  return { home, away, control, atHome, atShard };
}

const go = (pid: number): FromHome => ({ type: 'go', pid });

test('messages arrive in order, both ways', () => {
  const { home, away, atHome, atShard } = ends();
  for (const pid of [1, 2, 3]) home.tell(1, go(pid));
  for (const tid of [7, 8]) away.tell({ type: 'cancel', tid });
  expect([home.waiting, away.waiting]).toEqual([true, true]);
  expect([home.drain(), away.drain()]).toEqual([true, true]);
  expect(atShard).toEqual([go(1), go(2), go(3)]);
  expect(atHome).toEqual([
    { type: 'cancel', tid: 7 },
    { type: 'cancel', tid: 8 },
  ]);
  expect([home.drain(), away.drain()]).toEqual([false, false]);
});

test('what comes before an answer is handled after it, still in order', () => {
  const { home, away, atShard } = ends();
  home.tell(1, go(1));
  home.tell(1, { type: 'answer', id: 1, answer: { type: 'number', value: 5 } });
  home.tell(1, go(2));
  expect(away.ask({ type: 'orphaned', pid: 3 })).toEqual({ type: 'number', value: 5 });
  expect(atShard).toEqual([]);
  expect(away.waiting).toBe(true);
  home.tell(1, go(3));
  away.drain();
  expect(atShard).toEqual([go(1), go(2), go(3)]);
});

test('a message that finds no room waits, and nothing is lost', () => {
  const { home, away, atHome } = ends();
  for (let tid = 0; tid < 5000; tid++) away.tell({ type: 'abandon', tid });
  expect(away.backlog).toBe(true);
  while (home.drain()) away.pump();
  expect(away.backlog).toBe(false);
  expect(atHome.map((m) => ('tid' in m ? m.tid : -1))).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  away.close();
});

test('whoever waits for an answer when the kernel closes does not wait for ever', () => {
  const { away, control } = ends();
  control.shutDown(2);
  expect(() => away.ask({ type: 'orphaned', pid: 3 })).toThrow('the kernel is closed');
});

test('the call order is checked: only the home is waited for, and it stands for nobody', () => {
  const control = ControlBlock.create(3);
  expect(() => control.standFor(1, 2)).toThrow('call order: shard 1 waits for shard 2');
  expect(() => control.standFor(0, 1)).toThrow('call order: shard 0 waits for shard 1');
  control.standFor(1, 0);
  expect(() => control.standFor(1, 0)).toThrow('call order: shard 1 waits twice');
  control.standNoMore(1);
  control.standFor(1, 0);
  control.standFor(2, 0);
});
