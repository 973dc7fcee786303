/**
 * The walk over everything that a kernel consists of, and what it wrote down. Breadth first, so that a
 * long chain of objects needs no deep stack.
 *
 * What it does not know stops it: a class that nobody entered, a function, a generator. The error names
 * the way from the root.
 */
import { sideTables } from '../side-table.js';
import {
  CannotSave,
  type Fields,
  type Graph,
  type LateClass,
  type Node,
  type Saveable,
  type SavedClass,
  type SaveWalk,
  type Value,
} from './graph.js';

export interface WalkRules {
  readonly classes: ReadonlyMap<string, SavedClass>;
  readonly late: ReadonlyMap<string, LateClass>;
  /** By name: what the new kernel has of its own. */
  readonly externals: ReadonlyMap<string, unknown>;
}

/** How an object was come to. */
interface Way {
  readonly from: Way | undefined;
  readonly by: string;
}

const TYPED_ARRAYS = new Set(['Uint8Array', 'Int32Array', 'Uint32Array', 'Uint16Array', 'BigUint64Array']);

export class GraphWriter implements SaveWalk {
  readonly notes = new Map<object, object>();
  private readonly _nodes: Node[] = [];
  private readonly _bytes: Uint8Array[] = [];
  private readonly _numbers = new Map<unknown, number>();
  private readonly _queue: { readonly object: object; readonly number: number; readonly way: Way }[] = [];
  private readonly _late: { readonly name: string; readonly object: object; readonly number: number }[] = [];
  private readonly _byPrototype = new Map<object, [string, SavedClass]>();
  private readonly _lateByPrototype = new Map<object, [string, LateClass]>();
  private readonly _tables = sideTables();
  private _way: Way | undefined;
  private _closed = false;

  constructor(rules: WalkRules) {
    for (const [name, entry] of rules.classes) this._byPrototype.set(entry.prototype, [name, entry]);
    for (const [name, entry] of rules.late) this._lateByPrototype.set(entry.prototype, [name, entry]);
    for (const [name, thing] of rules.externals) {
      this._numbers.set(thing, this._nodes.push({ external: name }) - 1);
    }
  }

  /** Everything that can be come to from `root`. */
  write(root: unknown): Graph {
    const value = this._value(root, { from: undefined, by: 'kernel' });
    this._drain();
    // What these name must be known by now: a late object is found by others, it brings none.
    this._closed = true;
    for (const { name, object, number } of this._late) this._writeLate(name, object, number);
    return { root: value, nodes: this._nodes, bytes: this._bytes };
  }

  refuse(why: string): never {
    throw new CannotSave(`${why} (at ${this._place()})`);
  }

  private _drain(): void {
    // The queue grows while it is walked.
    for (let i = 0; i < this._queue.length; i++) {
      const next = this._queue[i];
      if (!next) break;
      this._way = next.way;
      this._nodes[next.number] = this._node(next.object, next.number, next.way);
    }
    this._queue.length = 0;
  }

  private _value(value: unknown, way: Way): Value {
    switch (typeof value) {
      case 'undefined':
        return [];
      case 'boolean':
      case 'string':
        return value;
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0) ? value : ['number', numberText(value)];
      case 'bigint':
        return ['bigint', value.toString()];
      case 'object':
        return value === null ? null : [this._numberOf(value, way)];
      default: {
        const known = this._numbers.get(value);
        if (known !== undefined) return [known];
        this._way = way;
        return this.refuse(`a ${typeof value} cannot be saved`);
      }
    }
  }

  private _numberOf(object: object, way: Way): number {
    const known = this._numbers.get(object);
    if (known !== undefined) return known;
    this._way = way;
    if (this._closed) this.refuse(`${classNameOf(object)} is held by nothing that is saved`);
    const number = this._nodes.push({ array: [] }) - 1;
    this._numbers.set(object, number);
    this._queue.push({ object, number, way });
    return number;
  }

  private _node(object: object, number: number, way: Way): Node {
    if (Array.isArray(object)) return { array: object.map((v, i) => this._value(v, at(way, i))) };
    if (object instanceof Map) {
      const map: Value[] = [];
      let i = 0;
      for (const [k, v] of object) {
        map.push(this._value(k, at(way, i)), this._value(v, at(way, typeof k === 'object' ? i : k)));
        i++;
      }
      return { map };
    }
    if (object instanceof Set) return { set: [...object].map((v, i) => this._value(v, at(way, i))) };
    if (ArrayBuffer.isView(object)) return this._view(object);
    const prototype: object | null = Object.getPrototypeOf(object);
    if (prototype === Object.prototype || prototype === null) {
      return { fields: this._fields(object, way, undefined) };
    }
    const late = this._lateByPrototype.get(prototype);
    if (late) {
      this._late.push({ name: late[0], object, number });
      return { late: late[0], fields: {} };
    }
    const entry = this._byPrototype.get(prototype);
    if (!entry) return this.refuse(`${classNameOf(object)} cannot be saved`);
    const [name, rule] = entry;
    const saved = rule.toSaved?.(object, this) ?? (object as Saveable).toSaved?.(this);
    const fields = this._fields(saved ?? object, way, saved ? undefined : rule.unsaved);
    const beside = this._beside(object, way);
    return beside ? { class: name, fields, beside } : { class: name, fields };
  }

  private _fields(object: object, way: Way, unsaved: readonly string[] | undefined): Fields {
    const fields: Record<string, Value> = {};
    for (const [key, value] of Object.entries(object)) {
      if (!unsaved?.includes(key)) fields[key] = this._value(value, { from: way, by: `.${key}` });
    }
    return fields;
  }

  private _beside(object: object, way: Way): Fields | undefined {
    let fields: Record<string, Value> | undefined;
    for (const table of this._tables) {
      const value = table.get(object);
      if (value === undefined) continue;
      fields ??= {};
      fields[table.name] = this._value(value, { from: way, by: ` (${table.name})` });
    }
    return fields;
  }

  private _view(view: ArrayBufferView): Node {
    // The kernel knows no Buffers, but node makes them where bytes are asked for.
    const name = Buffer.isBuffer(view) ? 'Uint8Array' : classNameOf(view);
    if (!TYPED_ARRAYS.has(name)) return this.refuse(`${name} cannot be saved`);
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    return { view: name, bytes: this._bytes.push(bytes) - 1 };
  }

  private _writeLate(name: string, object: object, number: number): void {
    const way: Way = { from: undefined, by: name };
    this._way = way;
    const rule = this._lateByPrototype.get(Object.getPrototypeOf(object))?.[1];
    const saved = rule?.save(object, this) ?? {};
    this._nodes[number] = { late: name, fields: this._fields(saved, way, undefined) };
  }

  private _place(): string {
    let text = '';
    for (let way = this._way; way; way = way.from) text = way.by + text;
    return text;
  }
}

function at(way: Way, key: unknown): Way {
  return { from: way, by: `[${String(key)}]` };
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function classNameOf(object: object): string {
  return object.constructor?.name || 'an object without a class';
}
