/**
 * Objects that refer to each other, as plain data: the form in which the kernel's state is saved.
 *
 * Each object is a node and has a number; values name nodes by number, so what was shared is shared
 * again and circles close. A graph is JSON but for its bytes, which stand aside in `bytes`.
 */
import type { HostFd } from '../../base/brand.js';
import type { MissingKind } from '../../base/missing.js';

/**
 * A value: null, booleans, strings and finite numbers stand for themselves. In an array: nothing is
 * undefined, a number is a node, a letter and a text is what JSON has no word for.
 */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly []
  | readonly [node: number]
  | readonly [special: 'number' | 'bigint', text: string];

export type Fields = { readonly [name: string]: Value };

export type Node =
  /** Something that the new kernel has of its own: its clock, its platform. */
  | { readonly external: string }
  | { readonly array: readonly Value[] }
  /** Keys and values in turn. */
  | { readonly map: readonly Value[] }
  | { readonly set: readonly Value[] }
  /** A typed array: the name of its class, and the number of its bytes. */
  | { readonly view: string; readonly bytes: number }
  /** An object; without `class`, a literal. */
  | { readonly class?: string; readonly fields: Fields; readonly beside?: Fields }
  /** An object that is found again when all others are there. */
  | { readonly late: string; readonly fields: Fields };

export interface Graph {
  readonly root: Value;
  readonly nodes: readonly Node[];
  readonly bytes: readonly Uint8Array[];
}

/**
 * What the walk may meet, by the name it has in a saved file (classes.ts). All members are saved but those
 * that the class names in a static `unsaved`; what more there is to say, methods of Saveable say.
 */
export interface SavedClass extends Partial<ClassHooks> {
  readonly prototype: object;
  /** Members that come to be when they are needed, or that `restored` makes anew. */
  readonly unsaved?: readonly string[];
}

/** What Saveable's methods do, for a class that is better told from outside. */
export interface ClassHooks<T extends object = object> {
  toSaved(object: T, save: SaveWalk): Record<string, unknown>;
  fromSaved(object: T, saved: Record<string, unknown>, load: LoadWalk): void;
  restored(object: T, load: LoadWalk): void;
}

/** Its members but those. */
export function membersOf(object: object, except: readonly string[] = []): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !except.includes(key)));
}

export interface Saveable {
  /** What is saved in place of its members. */
  toSaved?(save: SaveWalk): Record<string, unknown>;
  /** Sets up an object without members from what `toSaved` gave, once all members of all others are there. */
  fromSaved?(saved: Record<string, unknown>, load: LoadWalk): void;
  /** Every object is whole: arms, listens, opens. */
  restored?(load: LoadWalk): void;
}

/** What is not made anew but found by what is saved of it. */
export interface LateClass<T extends object = object> {
  readonly prototype: T;
  /** Asked after the walk; members may only name what the walk has met. */
  save(object: T, save: SaveWalk): Record<string, unknown>;
  find(saved: Record<string, unknown>, load: LoadWalk): T;
}

export interface SaveWalk {
  /** Notes something for classes that are asked later; see LateClass. */
  readonly notes: Map<object, object>;
  /** Cannot be saved; the message says what and why. */
  refuse(why: string): never;
}

export interface HostStream {
  readonly fd: HostFd;
  /** Closed when no guest has it any more. */
  readonly owned: boolean;
}

export interface LoadWalk {
  /** What the saved file calls this, in the new kernel. */
  external(name: string): unknown;
  /** The object, found if it is a late one. */
  resolve<T>(object: T): T;
  /** The host stream in place of this descriptor of the process that was started with it. */
  stream(pid: number, slot: number): HostStream | undefined;
  /** This is not there any more: it is to be done without, or (this throws) the load is refused. */
  missing(what: MissingKind, why: string): void;
  refuse(why: string): never;
}

/** The kernel's state cannot be saved, or not be loaded here. The message names what stands in the way. */
export class CannotSave extends Error {
  override readonly name = 'CannotSave';
}

export class CannotLoad extends Error {
  override readonly name = 'CannotLoad';
}
