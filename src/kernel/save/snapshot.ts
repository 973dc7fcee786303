/**
 * A whole shard's kernel, saved and loaded. The order is gVisor's (Kernel.SaveTo, LoadFrom): what happens
 * in the kernel is set aside, files are written back, then state, then memory.
 *
 * A loaded kernel is as the saved one was: paused, however often that one was, once. Nothing runs before all of it is there, so whatever
 * stands in the way is found first.
 */

import type { Timespec } from '../../base/clock.js';
import type { MissingKind } from '../../base/missing.js';
import { anonymousDevices } from '../fs/anonymous-dev.js';
import { CachedName } from '../fs/dentry-cache.js';
import { newDevFs } from '../fs/dev/dev-fs.js';
import { deviceRegistry } from '../fs/dev/registry.js';
import type { MountNamespace } from '../fs/mounts.js';
import type { BridgedTerminal } from '../fs/tty/bridge.js';
import { terminalsOf } from '../fs/tty/devpts.js';

import type { PtsInode } from '../fs/tty/pts-inode.js';
import type { MemoryManager } from '../mm/memory-manager.js';
import { perKernelObjects } from '../per-kernel.js';
import type { KernelServices } from '../services.js';
import { DEAD, IN_KERNEL, NEW, STOPPED, STOPPED_AT_TRAP } from '../task/state.js';
import { keepOnePause } from '../task/stop.js';
import type { Task } from '../task/task.js';
import type { TaskSetState } from '../task/task-set.js';
import type { UtsNamespace } from '../uts.js';
import { savedClasses } from './classes.js';
import { CannotLoad, type HostStream } from './graph.js';
import { GraphReader } from './graph-reader.js';
import { GraphWriter, type WalkRules } from './graph-writer.js';
import type { ImageReader, ImageWriter } from './image.js';
import { lateClasses } from './late-classes.js';
import { mapAgain, protectAgain, saveMemory, sizeOf, touchedMemory, writePages } from './memory.js';
import { setAside } from './set-aside.js';
import { giveContext } from './task-rules.js';
import { writeBack } from './write-back.js';

interface KernelState {
  readonly tasks: TaskSetState;
  readonly memories: readonly MemoryManager[];
  readonly mounts: MountNamespace;
  readonly uts: UtsNamespace;
  readonly perKernel: Readonly<Record<string, object>>;
  readonly terminals: ReadonlyMap<number, PtsInode>;
  readonly anonymousDevices: number;
  readonly clock: SavedClock;
  /** Terminals of processes that were started with one, by process id: what the embedder sees of them. */
  readonly bridged: ReadonlyMap<number, BridgedTerminal>;
}

export interface SavedClock {
  readonly monotonicNs: number;
  readonly realtime: Timespec;
}

/** What of a kernel its shard keeps. */
export interface ShardPart {
  readonly mounts: MountNamespace;
  readonly bridged: ReadonlyMap<number, BridgedTerminal>;
}

/** Writes down a paused kernel, which can go on afterwards. */
export function saveKernel(
  services: KernelServices,
  { mounts, bridged }: ShardPart,
  image: ImageWriter,
): void {
  const { clock } = services;
  setAside(services.tasks);
  image.begin('files');
  writeBack(services.tasks, mounts);
  image.begin('state');
  const state: KernelState = {
    tasks: services.tasks.toSaved(),
    memories: memoriesOf(services),
    mounts,
    uts: { ...services.uts },
    perKernel: Object.fromEntries(
      perKernelObjects().flatMap((one) => {
        const there = one.peek(services);
        return there ? [[one.name, there]] : [];
      }),
    ),
    terminals: terminalsOf(services).nodes,
    anonymousDevices: anonymousDevices.last,
    clock: { monotonicNs: clock.monotonic(), realtime: clock.realtime() },
    bridged,
  };
  image.state(new GraphWriter(rulesOf(services)).write(state));
  const touched = state.memories.map(touchedMemory);
  image.begin('memory', sizeOf(touched.flat()));
  state.memories.forEach((mm, i) => {
    saveMemory(mm, touched[i] ?? [], i, image);
  });
}

/** What a kernel that is loaded asks of the one who loads it. */
export interface LoadHost {
  /** The host stream in place of this descriptor of the process that was started with it. */
  stream(pid: number, slot: number): HostStream | undefined;
  setClock(saved: SavedClock): void;
  /** See LoadWalk. */
  missing(what: MissingKind, why: string): void;
}

/** Everything that was saved, in a kernel that has nothing yet; the root mount namespace. */
export function loadKernel(services: KernelServices, image: ImageReader, host: LoadHost): ShardPart {
  image.begin('state');
  // Registers the devices; /dev itself comes with what was saved.
  newDevFs(services).release();
  const reader = new GraphReader(rulesOf(services), image.state(), host);
  const state = reader.read((root) => begin(services, root as KernelState, host)) as KernelState;
  state.mounts.dentries.restore(reader.instancesOf(CachedName));
  for (const one of perKernelObjects()) {
    const saved = state.perKernel[one.name];
    if (saved) one.restore(services, saved);
  }
  keepOnePause(services.tasks);
  for (const [index, node] of state.terminals) terminalsOf(services).nodes.set(index, node);
  image.begin('memory');
  loadMemory(services, state.memories, image, host);
  return state;
}

/** What others are found by. */
function begin(services: KernelServices, state: KernelState, host: LoadHost): void {
  host.setClock(state.clock);
  services.tasks.fromSaved(state.tasks);
  Object.assign(services.uts, state.uts);
  anonymousDevices.last = Math.max(anonymousDevices.last, state.anonymousDevices);
}

function loadMemory(
  services: KernelServices,
  memories: readonly MemoryManager[],
  image: ImageReader,
  host: LoadHost,
): void {
  for (const mm of memories) {
    mm.attach(services.platform.createAddressSpace());
    mapAgain(mm);
  }
  for (const pages of image.pages()) {
    const mm = memories[pages.memory];
    if (!mm) throw new CannotLoad('memory of no process');
    writePages(mm, pages);
  }
  for (const mm of memories) {
    protectAgain(mm);
    giveContexts(services, mm, host);
  }
}

function giveContexts(services: KernelServices, mm: MemoryManager, host: LoadHost): void {
  let isFirst = true;
  for (const task of living(services)) {
    if (task.mm !== mm) continue;
    const context = isFirst ? mm.space.first : mm.space.createContext(mm.space.first);
    isFirst = false;
    if (giveContext(task, context)) continue;
    const why = `this CPU has not all the features that task ${task.tid} uses`;
    host.missing('cpu', why);
    if (!giveContext(task, context, { partly: true })) throw new CannotLoad(why);
  }
}

function memoriesOf(services: KernelServices): MemoryManager[] {
  return [...new Set([...living(services)].map((task) => task.mm))];
}

function* living(services: KernelServices): Iterable<Task> {
  for (const task of services.tasks.all()) if (task.state.name !== 'dead') yield task;
}

function rulesOf(services: KernelServices): WalkRules {
  const { tasks } = services;
  const externals = new Map<string, unknown>([
    ['services', services],
    ...Object.entries(services).filter(([, value]) => typeof value === 'object'),
    ['futexes', tasks.futexes],
    ['openDevice', deviceRegistry(services).open],
    ['NEW', NEW],
    ['STOPPED', STOPPED],
    ['STOPPED_AT_TRAP', STOPPED_AT_TRAP],
    ['IN_KERNEL', IN_KERNEL],
    ['DEAD', DEAD],
  ]);
  return { classes: savedClasses, late: lateClasses, externals };
}
