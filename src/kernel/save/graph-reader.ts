/**
 * Objects made from a graph, without their constructors: first all of them, empty; then their members;
 * then each is told that all are there. Late objects are found in between, and put where they belong.
 */

import type { MissingKind } from '../../base/missing.js';
import { sideTables } from '../side-table.js';
import {
  CannotLoad,
  type Fields,
  type Graph,
  type HostStream,
  type LoadWalk,
  type Node,
  type Saveable,
  type SavedClass,
  type Value,
} from './graph.js';
import type { WalkRules } from './graph-writer.js';

const VIEWS = { Uint8Array, Int32Array, Uint32Array, Uint16Array, BigUint64Array } as const;

/** A kernel that refers to nothing outside. */
const NOTHING_OUTSIDE: Pick<LoadWalk, 'stream' | 'missing'> = {
  stream: () => undefined,
  missing: (_, why) => {
    throw new CannotLoad(why);
  },
};

/** Stands where a late object will be. */
class Placeholder {
  constructor(
    readonly name: string,
    readonly fields: Fields,
  ) {}
  found: object | undefined;
  looking = false;
}

export class GraphReader implements LoadWalk {
  private readonly _objects: unknown[] = [];
  private readonly _deferred: (() => void)[] = [];
  private readonly _placed: { readonly placeholder: Placeholder; readonly put: (found: object) => void }[] =
    [];

  constructor(
    private readonly _rules: WalkRules,
    private readonly _graph: Graph,
    private readonly _host: Pick<LoadWalk, 'stream' | 'missing'> = NOTHING_OUTSIDE,
  ) {}

  /**
   * What `write` was given. `whole` is called with it when all but the late objects are there: they are
   * found with the help of the others.
   */
  read(whole: (root: unknown) => void): unknown {
    const { nodes, root } = this._graph;
    for (const node of nodes) this._objects.push(this._empty(node));
    nodes.forEach((node, i) => {
      this._fill(node, this._objects[i]);
    });
    this._eachInstance((object, { fields }, rule) => {
      if (rule.fromSaved) rule.fromSaved(object, this._record(fields), this);
      else object.fromSaved?.(this._record(fields), this);
    });
    whole(this._value(root));
    for (const { placeholder, put } of this._placed) put(this._find(placeholder));
    for (const fill of this._deferred) fill();
    this._eachInstance((object, { beside }) => this._putBeside(object, beside));
    this._eachInstance((object, _node, rule) =>
      rule.restored ? rule.restored(object, this) : object.restored?.(this),
    );
    return this.resolve(this._value(root));
  }

  /** All objects of this class. */
  *instancesOf<T extends object>(of: { readonly prototype: T }): Iterable<T> {
    for (const object of this._objects) {
      if (typeof object === 'object' && object !== null && isInstance(object, of)) yield object;
    }
  }

  external(name: string): unknown {
    const thing = this._rules.externals.get(name);
    return thing === undefined ? this.refuse(`this kernel has no ${name}`) : thing;
  }

  resolve<T>(object: T): T;
  resolve(object: unknown): unknown {
    return object instanceof Placeholder ? this._find(object) : object;
  }

  stream(pid: number, slot: number): HostStream | undefined {
    return this._host.stream(pid, slot);
  }

  missing(what: MissingKind, why: string): void {
    this._host.missing(what, why);
  }

  refuse(why: string): never {
    throw new CannotLoad(why);
  }

  private _empty(node: Node): unknown {
    if ('external' in node) return this.external(node.external);
    if ('array' in node) return [];
    if ('map' in node) return new Map();
    if ('set' in node) return new Set();
    if ('view' in node) return this._view(node.view, node.bytes);
    if ('late' in node) return new Placeholder(node.late, node.fields);
    if (node.class === undefined) return {};
    const rule = this._rules.classes.get(node.class);
    return rule ? Object.create(rule.prototype) : this.refuse(`nothing is known of a ${node.class}`);
  }

  private _fill(node: Node, object: unknown): void {
    if ('array' in node && Array.isArray(object)) {
      node.array.forEach((value, i) => {
        this._put(value, (v) => {
          object[i] = v;
        });
      });
    } else if ('map' in node && object instanceof Map) {
      this._fillInOrder(node.map, ([key, value]) => object.set(key, value), 2);
    } else if ('set' in node && object instanceof Set) {
      this._fillInOrder(node.set, ([value]) => object.add(value), 1);
    } else if ('fields' in node && !('late' in node)) {
      const rule = node.class === undefined ? undefined : this._rules.classes.get(node.class);
      if (node.class === undefined || !(rule?.fromSaved ?? (object as Saveable).fromSaved))
        this._fillFields(node.fields, object as Record<string, unknown>);
    }
  }

  /** Late objects among them put it off, so that the order stays. */
  private _fillInOrder(values: readonly Value[], add: (group: unknown[]) => void, size: number): void {
    const fill = (): void => {
      const all = values.map((value) => this.resolve(this._value(value)));
      for (let i = 0; i < all.length; i += size) add(all.slice(i, i + size));
    };
    if (values.some((value) => this._value(value) instanceof Placeholder)) this._deferred.push(fill);
    else fill();
  }

  private _putBeside(object: object, beside: Fields | undefined): void {
    if (!beside) return;
    const record = this._record(beside);
    for (const table of sideTables()) if (table.name in record) table.set(object, record[table.name]);
  }

  private _fillFields(fields: Fields, object: Record<string, unknown>): void {
    for (const [key, value] of Object.entries(fields)) {
      object[key] = undefined;
      this._put(value, (v) => {
        object[key] = v;
      });
    }
  }

  private _record(fields: Fields): Record<string, unknown> {
    const record: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(fields)) record[key] = this.resolve(this._value(value));
    return record;
  }

  private _put(value: Value, put: (v: unknown) => void): void {
    const v = this._value(value);
    if (v instanceof Placeholder) this._placed.push({ placeholder: v, put });
    else put(v);
  }

  private _value(value: Value): unknown {
    if (!Array.isArray(value)) return value;
    const [what, text] = value as readonly [(number | string)?, string?];
    if (what === undefined) return undefined;
    if (what === 'number') return Number(text);
    if (what === 'bigint') return BigInt(text ?? '0');
    if (typeof what !== 'number' || what >= this._objects.length)
      return this.refuse('a node that is not there');
    return this._objects[what];
  }

  private _view(name: string, index: number): ArrayBufferView {
    const bytes = this._graph.bytes[index];
    const view = VIEWS[name as keyof typeof VIEWS];
    if (!bytes || !view) return this.refuse(`bytes that are not there, or a ${name}`);
    // A copy to the byte: `slice` of a Buffer, which inflating gives, is no copy.
    return new view(new Uint8Array(bytes).buffer);
  }

  private _find(placeholder: Placeholder): object {
    if (placeholder.found) return placeholder.found;
    const rule = this._rules.late.get(placeholder.name);
    if (!rule || placeholder.looking) return this.refuse(`nothing is known of a ${placeholder.name}`);
    placeholder.looking = true;
    placeholder.found = rule.find(this._record(placeholder.fields), this);
    return placeholder.found;
  }

  private _eachInstance(act: (object: Saveable, node: InstanceNode, rule: SavedClass) => void): void {
    this._graph.nodes.forEach((node, i) => {
      if (!('fields' in node) || 'late' in node || node.class === undefined) return;
      const rule = this._rules.classes.get(node.class);
      if (rule) act(this._objects[i] as Saveable, node, rule);
    });
  }
}

type InstanceNode = { readonly fields: Fields; readonly beside?: Fields };

function isInstance<T extends object>(object: object, of: { readonly prototype: T }): object is T {
  return Object.getPrototypeOf(object) === of.prototype;
}
