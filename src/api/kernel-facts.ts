/** What a kernel can be asked about itself, at any time: nothing here takes a turn or changes anything but counters. */
import type { KernelLink } from '../actors/kernel-link.js';
import type { InitSettings } from '../messages/lifecycle.js';
import type {
  InitSnapshot,
  MountSnapshot,
  SupervisorSnapshot,
  SyslogEntry,
  TaskSnapshot,
  UtsSnapshot,
} from '../messages/snapshots.js';
import type { PendingCalls } from './pending-calls.js';

/** Socket port ids of netlink(7), by protocol. */
export interface NetlinkPorts {
  /** The port that was asked for if it is free, else another. */
  allocate(protocol: number, hint: number): Promise<number>;
  release(protocol: number, port: number): Promise<void>;
}

export abstract class KernelFacts {
  protected abstract readonly link: KernelLink;
  protected abstract readonly calls: PendingCalls;

  /** Process 1, also after it has ended; undefined without one. */
  globalInit(): Promise<InitSnapshot | undefined> {
    return this.calls.plain(() => this.link.operations.globalInit());
  }

  /** A snapshot of every task, zombies included. */
  taskSet(): Promise<readonly TaskSnapshot[]> {
    return this.calls.ask(() => this.link.operations.taskSet());
  }

  /** CPUs that guests see. */
  async applicationCores(): Promise<number> {
    return (await this.#settings()).applicationCores;
  }

  async useHostCores(): Promise<boolean> {
    return (await this.#settings()).useHostCores;
  }

  /** The CPU as guests see it. */
  async featureSet(): Promise<InitSettings['featureSet']> {
    return (await this.#settings()).featureSet;
  }

  /** Where time comes from. */
  async timekeeper(): Promise<InitSettings['timekeeper']> {
    return (await this.#settings()).timekeeper;
  }

  async rootUserNamespace(): Promise<InitSettings['rootUserNamespace']> {
    return (await this.#settings()).rootUserNamespace;
  }

  /** The names as they are now: guests may change them. */
  rootUtsNamespace(): Promise<UtsSnapshot> {
    return this.calls.ask(() => this.link.operations.utsNamespace());
  }

  async rootIpcNamespace(): Promise<InitSettings['rootIpcNamespace']> {
    return (await this.#settings()).rootIpcNamespace;
  }

  /** undefined: there is none. */
  async networkStack(): Promise<InitSettings['networkStack']> {
    return (await this.#settings()).networkStack;
  }

  /** What is mounted for processes to come; empty before the first one is made. */
  mounts(): Promise<readonly MountSnapshot[]> {
    return this.calls.ask(() => this.link.operations.mounts());
  }

  /** What acts for the kernel itself: full privilege, for use outside of guests only. */
  supervisorContext(): Promise<SupervisorSnapshot> {
    return this.calls.ask(() => this.link.operations.supervisorContext());
  }

  /** The lines that dmesg(1) shows in a guest. */
  syslog(): Promise<readonly SyslogEntry[]> {
    return this.calls.ask(() => this.link.operations.syslog());
  }

  /** Guests' CLOCK_REALTIME, in nanoseconds since the epoch. */
  realtimeClock(): Promise<bigint> {
    return this.calls.plain(() => this.link.operations.realtimeClock());
  }

  nowNanoseconds(): Promise<bigint> {
    return this.realtimeClock();
  }

  /** Guests' CLOCK_MONOTONIC, in nanoseconds since the kernel began. */
  monotonicClock(): Promise<bigint> {
    return this.calls.plain(() => this.link.operations.monotonicClock());
  }

  /** Ticks of 10 ms in which some guest ran. */
  cpuClockNow(): Promise<number> {
    return this.calls.plain(() => this.link.operations.cpuClockNow());
  }

  /** 64 bits, never the same twice. */
  uniqueId(): Promise<bigint> {
    return this.calls.plain(() => this.link.operations.uniqueId());
  }

  /** 32 bits, never 0; comes round. */
  generateInotifyCookie(): Promise<number> {
    return this.calls.plain(() => this.link.operations.generateInotifyCookie());
  }

  get netlinkPorts(): NetlinkPorts {
    const { calls, link } = this;
    return {
      allocate: (protocol, hint) => calls.ask(() => link.operations.allocateNetlinkPort(protocol, hint)),
      release: (protocol, port) => calls.plain(() => link.operations.releaseNetlinkPort(protocol, port)),
    };
  }

  #settings(): Promise<InitSettings> {
    return this.calls.ask(() => this.link.operations.settings());
  }
}
