/**
 * What a shard's part of the kernel is handed at boot: every outside influence, as interfaces. A run
 * is a function of these (and later of a seed).
 */
import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { KernelEvent } from '../messages/events.js';
import type { Platform } from '../platform/platform.js';
import type { HostFiles } from './fs/host-files.js';
import type { AwayLink } from './home/away-link.js';
import type { HomeDesk } from './home/home-desk.js';
import type { TaskSet } from './task/task-set.js';
import type { HostWaits } from './time/host-waits.js';
import type { UtsNamespace } from './uts.js';
import type { CallWatch } from './watch/call-watch.js';

export interface Random {
  fill(into: Uint8Array): void;
}

/** Where events go; `wants` is false when nobody listens, and then nothing is built. */
export interface EventSink {
  wants(type: KernelEvent['type']): boolean;
  emit(event: KernelEvent): void;
}

/** The machine as guests see it. */
export interface Machine {
  /** Application cores: guests see CPUs 0…cores-1. */
  readonly cores: number;
  /** Bytes of memory the sandbox may use; /proc/meminfo, sysinfo(2). */
  readonly memoryBytes: number;
  /** Bytes that mappings, open files and descriptors of all guests may take of the kernel; absent: no limit. */
  readonly kernelMemoryBytes?: number;
  /** Tasks that may live at once. */
  readonly maxTasks: number;
  /** AT_HWCAP and AT_HWCAP2 of this CPU, text of /proc/cpuinfo for one processor. */
  readonly hwcap: number;
  readonly hwcap2: number;
  readonly cpuinfo: string;
  /** AT_MINSIGSTKSZ: bytes of the largest signal frame. */
  readonly minSignalStack?: number;
  /** CLK_TCK */
  readonly ticksPerSecond: number;
  /** Added to every program's auxiliary vector. */
  readonly extraAuxv?: readonly { readonly type: number; readonly value: number }[];
  /** CPUs are the host's: getcpu(2) tells the real one, and sched_setaffinity(2) changes nothing. */
  readonly usesHostCores?: boolean;
}

export interface KernelServices {
  readonly platform: Platform;
  readonly clock: Clock;
  readonly random: Random;
  readonly hostFiles: HostFiles;
  readonly log: Log;
  readonly events: EventSink;
  readonly machine: Machine;
  readonly tasks: TaskSet;
  readonly uts: UtsNamespace;
  readonly timers: TimerQueue;
  readonly delays: Delays;
  readonly hostWaits: HostWaits;
  /** Who watches system calls; absent: nobody can. */
  readonly calls?: CallWatch;
  /** On the home of several shards: the conversation with bodies (home/). */
  home?: HomeDesk;
  /** On every other shard: where its processes have their deputies. */
  away?: AwayLink;
}

/** One-shot timers of a shard, fired by its reactor: what guests wait for. */
export interface TimerQueue {
  /** Runs `fire` at the monotonic instant; the result cancels. */
  at(deadlineNs: number, fire: () => void): () => void;
}

/** Timers of the kernel's own housekeeping, by the host's clock: guests' time may stop, or leap. */
export interface Delays {
  /** The host's clock, in nanoseconds since some instant. */
  hostNs(): number;
  /** Runs `fire` after so long; the result cancels. */
  after(ns: number, fire: () => void): () => void;
}
