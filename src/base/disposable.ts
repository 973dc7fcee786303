/**
 * Things that must be closed. Whatever opens a worker, port, descriptor, timer or stub registers it
 * here; a check after each test reads `openResources()` and names what leaked.
 */
const open = new Map<symbol, string>();

/** Registers an open resource; the returned function, called once, registers its end. */
export function track(what: string): () => void {
  const key = Symbol(what);
  open.set(key, what);
  return () => {
    open.delete(key);
  };
}

export function openResources(): string[] {
  return [...open.values()];
}
