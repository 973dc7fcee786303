/**
 * troupe: a Linux kernel in TypeScript whose every task is an actor.
 *
 *     import { Kernel } from 'troupe';
 *     await using kernel = await Kernel.boot();
 *     const ls = kernel.spawn('ls', ['-l', '/'], { stdio: 'inherit' });
 *     console.log(await ls.completed);
 */

export { CallersTerminal } from './api/callers-terminal.js';
export { Kernel } from './api/kernel.js';
export { KernelError } from './api/kernel-error.js';
export { Process, type ProcessExit, SpawnError } from './api/process.js';
export type { EventType, KernelEvent } from './messages/events.js';
export type { KernelErrorCode } from './messages/kernel.js';
export {
  type Bind,
  defaultEnv,
  type KernelOptions,
  OptionsError,
  type SpawnOptions,
  type StdioEntry,
  type StdioOptions,
  type StraceOptions,
  type User,
  type WindowSize,
} from './options.js';
export { type HostCheck, type HostReport, inspectHost } from './platform/host/doctor.unsafe.js';
