/** A shard's interceptors of system calls: modules of hooks as they come and go, and injection by rule. */
import type { CallWatch } from '../kernel/watch/call-watch.js';
import { Hooks } from '../kernel/watch/hooks.js';
import { Injection } from '../kernel/watch/injection.js';
import { parseInjectionRule } from '../kernel/watch/injection-rule.js';
import type { KernelConfig } from '../messages/kernel.js';

/** Node's import(), which code from V8's cache does not have: who loads that hands it in. */
export type ImportModule = (url: string) => Promise<Readonly<Record<string, unknown>>>;

export class Interceptors {
  readonly #hooks = new Map<number, Hooks>();
  readonly #injection: Injection | undefined;
  #loading = 0;

  constructor(
    readonly calls: CallWatch,
    readonly importModule: ImportModule,
    { inject, injectSeed }: Pick<KernelConfig, 'inject' | 'injectSeed'>,
  ) {
    if (inject.length > 0) this.#injection = new Injection(inject.map(parseInjectionRule), injectSeed);
    this.#update();
  }

  /** A module is on its way: the event loop has to come round. */
  get loading(): boolean {
    return this.#loading > 0;
  }

  /** Loads a module of hooks; what is wrong with it, or undefined. */
  async load(id: number, url: string): Promise<string | undefined> {
    this.#loading++;
    try {
      this.#hooks.set(id, new Hooks(url, await this.importModule(url)));
      this.#update();
      return undefined;
    } catch (e) {
      return e instanceof Error ? e.message : String(e);
    } finally {
      this.#loading--;
    }
  }

  drop(id: number): void {
    this.#hooks.delete(id);
    this.#update();
  }

  /** Hooks first: what they answer is not injected into. */
  #update(): void {
    this.calls.interceptors = [...this.#hooks.values(), ...(this.#injection ? [this.#injection] : [])];
  }
}
