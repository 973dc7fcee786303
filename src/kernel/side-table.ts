/**
 * What is kept beside an object and not in it: a weak map with a name, by which its entries are saved with
 * the objects they are for.
 */
export class SideTable<K extends object, V> {
  private readonly _entries = new WeakMap<K, V>();

  constructor(readonly name: string) {
    all.push(this);
  }

  get(key: K): V | undefined {
    return this._entries.get(key);
  }

  has(key: K): boolean {
    return this._entries.has(key);
  }

  set(key: K, value: V): void {
    this._entries.set(key, value);
  }
}

/** As whoever walks over objects of any kind sees it. */
export interface AnyTable {
  readonly name: string;
  get(key: object): unknown;
  set(key: object, value: unknown): void;
}

const all: AnyTable[] = [];

export function sideTables(): readonly AnyTable[] {
  return all;
}
