/**
 * Checks of what must hold in troupe itself. A failed one is a bug, never an errno.
 */
export class Bug extends Error {
  override readonly name = 'Bug';
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Bug(message);
}

/** The last branch of an exhaustive switch. */
export function assertNever(value: never, what = 'value'): never {
  throw new Bug(`unexpected ${what}: ${JSON.stringify(value)}`);
}

/** `value`, which the caller knows to be there. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Bug(`${what} is missing`);
  return value;
}
