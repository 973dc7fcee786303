/**
 * troupe: a Linux kernel in TypeScript whose every task is an actor.
 *
 *     import { Kernel } from 'troupe';
 *     await using kernel = await Kernel.boot();
 *     const ls = kernel.spawn('ls', ['-l', '/'], { stdio: 'inherit' });
 *     console.log(await ls.completed);
 */

export { CallersTerminal } from './api/callers-terminal.js';
export { ChromeTrace, TRACE_TYPES, type TraceRecord } from './api/chrome-trace.js';
export { removeDead, Sandbox } from './api/control/client.js';
export { ControlError, type ControlErrorCode } from './api/control/control-error.js';
export { type ControlledSandbox, ControlServer } from './api/control/server.js';
export type { CreateProcessOptions } from './api/create-process-options.js';
export type { EventStream } from './api/event-stream.js';
export type { InitOptions } from './api/init-options.js';
export { InterceptError, type Interception } from './api/interception.js';
export { Kernel } from './api/kernel.js';
export { KernelError } from './api/kernel-error.js';
export { Process, type ProcessExit, SpawnError } from './api/process.js';
export type { MissingKind } from './base/missing.js';
export type {
  AfterDecision,
  BeforeDecision,
  GuestMemory,
  ReturnedCall,
  SyscallArgs,
  SyscallCall,
  SyscallHooks,
} from './kernel/watch/hook-types.js';
export { straceLine } from './kernel/watch/strace-line.js';
export type { ProcessEnd, SandboxInfo } from './messages/control.js';
export type {
  EventBase,
  EventOf,
  EventType,
  FaultEvent,
  FileEvent,
  KernelEvent,
  SchedulingEvent,
  SignalEvent,
  StopEvent,
  StreamEvent,
  SyscallEvent,
  TaskEvent,
  TimerEvent,
} from './messages/events.js';
export type { ExitError, KernelErrorCode, SaveProgress } from './messages/kernel.js';
export type { AuxvEntry, FeatureSet, InitSettings, RootSettings } from './messages/lifecycle.js';
export type { ExternalSignal } from './messages/shard.js';
export type {
  InitSnapshot,
  MountSnapshot,
  SupervisorSnapshot,
  SyslogEntry,
  TaskSnapshot,
  UtsSnapshot,
} from './messages/snapshots.js';
export {
  type Bind,
  type CreateOptions,
  defaultEnv,
  type EventFilter,
  type KernelOptions,
  type LoadOptions,
  OptionsError,
  type RootOptions,
  type SaveToOptions,
  type SpawnOptions,
  type StdioEntry,
  type StdioOptions,
  type StraceOptions,
  type User,
  type WindowSize,
} from './options.js';
export { type HostCheck, type HostReport, inspectHost } from './platform/host/doctor.unsafe.js';
export { hostFeatures as hostFeatureSet } from './platform/host/machine.unsafe.js';
