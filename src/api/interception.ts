/** Hooks of the embedder on system calls, from its side. */
import { OptionsError } from '../options.js';

/** A module of hooks that is loaded. */
export interface Interception {
  /** Calls that are on their way already are still seen to their end. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A module of hooks cannot be loaded, or is none. */
export class InterceptError extends Error {
  override readonly name = 'InterceptError';
  constructor(
    readonly moduleUrl: string,
    why: string,
  ) {
    super(`${moduleUrl}: ${why}`);
  }
}

/** Each shard imports it: a path would depend on where from. */
export function moduleUrlOf(module: string | URL): string {
  if (module instanceof URL) return module.href;
  if (typeof module === 'string' && URL.canParse(module)) return module;
  throw new OptionsError('intercept: must be a URL, like new URL("./hooks.js", import.meta.url)');
}
