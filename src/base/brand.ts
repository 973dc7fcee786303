/**
 * Nominal types for numbers that must not be mixed. A brand exists only for the type checker.
 */
declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A guest virtual address. 47 bits, so a JS number holds it exactly. */
export type UserAddr = Brand<number, 'UserAddr'>;
/** A guest file descriptor number. */
export type Fd = Brand<number, 'Fd'>;
/** A descriptor number of the host process that runs troupe. */
export type HostFd = Brand<number, 'HostFd'>;
/** Thread group id (what getpid returns) and thread id (gettid), in the root PID namespace. */
export type Pid = Brand<number, 'Pid'>;
export type Tid = Brand<number, 'Tid'>;
/** A process id as the host knows it. */
export type HostPid = Brand<number, 'HostPid'>;
/** A span of time or a monotonic instant, in nanoseconds. Exact up to 104 days. */
export type Ns = Brand<number, 'Ns'>;

export const userAddr = (n: number): UserAddr => n as UserAddr;
export const ns = (n: number): Ns => n as Ns;
