/**
 * What there is one of in each kernel, made when first asked for: found by the kernel's services. Each has a
 * name, by which it is saved with the kernel.
 */
import type { KernelServices } from './services.js';

export class PerKernel<T extends object> {
  private readonly _made = new WeakMap<KernelServices, T>();

  constructor(
    readonly name: string,
    private readonly _make: (services: KernelServices) => T,
  ) {
    all.push(this);
  }

  of(services: KernelServices): T {
    const known = this._made.get(services);
    if (known) return known;
    const made = this._make(services);
    this._made.set(services, made);
    return made;
  }

  /** What there is now, if anything. */
  peek(services: KernelServices): T | undefined {
    return this._made.get(services);
  }

  restore(services: KernelServices, saved: T): void {
    this._made.set(services, saved);
  }
}

const all: PerKernel<object>[] = [];

/** All of them, once the files that declare them are loaded. */
export function perKernelObjects(): readonly PerKernel<object>[] {
  return all;
}
