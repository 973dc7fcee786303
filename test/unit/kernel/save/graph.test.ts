/** Objects, as plain data and back: identity, circles, order, and what stops the walk. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { CannotSave, type LoadWalk, type SavedClass } from '../../../../src/kernel/save/graph.js';
import { GraphReader } from '../../../../src/kernel/save/graph-reader.js';
import { GraphWriter, type WalkRules } from '../../../../src/kernel/save/graph-writer.js';
import { SideTable } from '../../../../src/kernel/side-table.js';

class Knot {
  static readonly unsaved = ['timer'];
  next: Knot | undefined;
  timer: (() => void) | undefined = () => {};
  told = 0;

  constructor(readonly name: string) {}

  restored(): void {
    this.told++;
  }
}

class Named {
  constructor(readonly name: string) {}
  toSaved() {
    return { called: this.name };
  }
  fromSaved({ called }: Record<string, unknown>, load: LoadWalk): void {
    Object.assign(this, { name: called, clock: load.external('clock') });
  }
}

class Found {
  constructor(readonly name: string) {}
}

const clock = { now: 1 };
const rules = (): WalkRules => ({
  classes: new Map<string, SavedClass>([
    ['Knot', Knot],
    ['Named', Named],
  ]),
  late: new Map([
    [
      'Found',
      {
        prototype: Found.prototype,
        save: (object) => ({ name: (object as Found).name }),
        find: ({ name }) => new Found(`${name}, found`),
      },
    ],
  ]),
  externals: new Map<string, unknown>([['clock', clock]]),
});

/** Through JSON, as a file would have it. */
function again<T>(root: T): T {
  const { bytes, ...graph } = new GraphWriter(rules()).write(root);
  const read = JSON.parse(JSON.stringify(graph));
  return new GraphReader(rules(), { ...read, bytes }).read(() => {}) as T;
}

describe('a walk and back', () => {
  test('keeps values that JSON has no word for', () => {
    const values = [undefined, null, -0, Number.POSITIVE_INFINITY, Number.NaN, 2n ** 70n, 'ÿ\0', 1.5, true];
    expect(again(values)).toEqual(values);
  });

  test('keeps what is shared shared, and circles closed', () => {
    const knot = new Knot('a');
    knot.next = knot;
    const list = again({ one: [knot, knot], map: new Map([[knot, new Set([knot])]]) });
    const [first, second] = list.one;
    expect(first).toBe(second);
    expect(first).toBeInstanceOf(Knot);
    expect(first?.next).toBe(first);
    expect([...list.map.keys()]).toEqual([first]);
  });

  test('a long chain needs no deep stack', () => {
    let knot = new Knot('last');
    for (let i = 0; i < 50_000; i++) {
      const before = new Knot('');
      before.next = knot;
      knot = before;
    }
    let read: Knot | undefined = again(knot);
    let length = 0;
    for (; read?.next; read = read.next) length++;
    expect(length).toBe(50_000);
  });

  test('keeps the order of maps and sets, late objects among them', () => {
    const map = new Map<unknown, number>([
      ['a', 1],
      [new Found('x'), 2],
      ['b', 3],
    ]);
    const keys = [...again(map).keys()].map((k) => (k instanceof Found ? k.name : k));
    expect(keys).toEqual(['a', 'x, found', 'b']);
  });

  test('bytes, side tables, and what a class says of itself', () => {
    const table = new SideTable<object, string>('a test');
    const knot = new Knot('k');
    table.set(knot, 'beside');
    const read = again({ knot, bytes: Uint8Array.of(1, 2), named: new Named('n'), clock });
    expect(read.bytes).toEqual(Uint8Array.of(1, 2));
    expect(table.get(read.knot)).toBe('beside');
    expect(read.knot.timer).toBeUndefined();
    expect(read.knot.told).toBe(1);
    expect(read.named).toMatchObject({ name: 'n', clock });
    expect(read.clock).toBe(clock);
  });

  test('stops at what it does not know, and names the way there', () => {
    const refused = (root: unknown): string => {
      try {
        again(root);
      } catch (e) {
        if (e instanceof CannotSave) return e.message;
      }
      return 'it was saved';
    };
    expect(refused({ list: [{ act: () => 1 }] })).toMatch(/function.*kernel\.list\[0\]\.act/);
    expect(refused(new Map([['key', new Error('x')]]))).toMatch(/Error.*kernel\[key\]/);
    expect(refused([(function* () {})()])).toMatch(/kernel\[0\]/);
  });
});

test("node's Buffers are bytes like others, without what else is in their pool", () => {
  const { bytes } = again({ bytes: Buffer.from('text') });
  expect(bytes).toBeInstanceOf(Uint8Array);
  expect(Buffer.from(bytes).toString()).toBe('text');
  expect(bytes.buffer.byteLength).toBe(4);
});

test('bytes that were compressed in the file come back to the byte, and nothing behind them', () => {
  const { bytes, ...graph } = new GraphWriter(rules()).write({ text: Buffer.alloc(1000, 'x') });
  const inflated = bytes.map((b) => inflateRawSync(deflateRawSync(b)));
  // What makes the difference: the result stands in a larger buffer.
  expect(inflated[0]?.buffer.byteLength).toBeGreaterThan(1000);
  const { text } = new GraphReader(rules(), { ...graph, bytes: inflated }).read(() => {}) as {
    text: Uint8Array;
  };
  expect(Buffer.from(text).toString()).toBe('x'.repeat(1000));
});
