/**
 * The classes that a kernel consists of, by the name that each has in a saved file: it may not change.
 * What is special about a class stands with the class (Saveable), or in one of the rules beside this file.
 */

import { EpollFile } from '../fs/anon/epoll.js';
import { EpollItem } from '../fs/anon/epoll-item.js';
import { EventFile } from '../fs/anon/eventfd.js';
import { PidFile } from '../fs/anon/pidfd.js';
import { PseudoFs, PseudoInode } from '../fs/anon/pseudo.js';
import { SignalFile } from '../fs/anon/signalfd.js';
import { TimerFile } from '../fs/anon/timerfd.js';
import { AsyncOwner } from '../fs/async-owner.js';
import { CachedName, DentryCache } from '../fs/dentry-cache.js';
import { FullDevice, NullDevice, RandomDevice, ZeroDevice } from '../fs/dev/memory-devices.js';
import { FdTable } from '../fs/fd-table.js';
import { FsContext } from '../fs/fs-context.js';
import { FdCache } from '../fs/host/fd-cache.js';
import { HostFile } from '../fs/host/host-file.js';
import { HostFs } from '../fs/host/host-fs.js';
import { HostInode } from '../fs/host/host-inode.js';
import { LockTable } from '../fs/locks/lock-table.js';
import { MountNamespace } from '../fs/mounts.js';
import { LowerFile } from '../fs/overlay/lower-file.js';
import { Overlay } from '../fs/overlay/overlay.js';
import { OverlayDirectory } from '../fs/overlay/overlay-directory.js';
import { OverlayFile } from '../fs/overlay/overlay-file.js';
import { OverlayState } from '../fs/overlay/overlay-inode.js';
import { OverlaySpecial, OverlaySymlink } from '../fs/overlay/overlay-special.js';
import { Fifo, FifoFile } from '../fs/pipe/fifo.js';
import { PageRing } from '../fs/pipe/page-ring.js';
import { Pipe } from '../fs/pipe/pipe.js';
import { PipeFile } from '../fs/pipe/pipe-file.js';
import { StdioFile } from '../fs/stdio/stdio-file.js';
import { StdioFs, StdioInode } from '../fs/stdio/stdio-inode.js';
import { ListedDirectory } from '../fs/synthetic/listed-directory.js';
import { TextFile } from '../fs/synthetic/text-file.js';
import { Chunks } from '../fs/tmpfs/chunks.js';
import { DataStore } from '../fs/tmpfs/data-store.js';
import { TmpDirectory } from '../fs/tmpfs/directory.js';
import { TmpDirectoryDescription } from '../fs/tmpfs/directory-description.js';
import { TmpFile, TmpFileDescription } from '../fs/tmpfs/file.js';
import { FileData } from '../fs/tmpfs/file-data.js';
import { TmpSpecial, TmpSymlink } from '../fs/tmpfs/special.js';
import { Tmpfs } from '../fs/tmpfs/tmpfs.js';
import { ByteQueue } from '../fs/tty/byte-queue.js';
import { Echo } from '../fs/tty/echo.js';
import { InputQueue } from '../fs/tty/input-queue.js';
import { LineDiscipline } from '../fs/tty/line-discipline.js';
import { MasterFile } from '../fs/tty/master-file.js';
import { OutputFilter } from '../fs/tty/output-filter.js';
import { PtsInode } from '../fs/tty/pts-inode.js';
import { SlaveFile } from '../fs/tty/slave-file.js';
import { Terminal } from '../fs/tty/terminal.js';
import { PathFile } from '../fs/vfs.js';
import { KernelMemory } from '../kernel-memory.js';
import { MemoryUsage } from '../mm/accounting.js';
import { MemoryManager } from '../mm/memory-manager.js';
import { SharedAnonymous } from '../mm/shared-anonymous.js';
import { Vma } from '../mm/vma.js';
import { VmaTree } from '../mm/vma-tree.js';
import { ByteRing } from '../net/inet/byte-ring.js';
import { PortTable } from '../net/inet/port-table.js';
import { TcpBacklog } from '../net/inet/tcp-backlog.js';
import { TcpSocket } from '../net/inet/tcp-socket.js';
import { UdpSocket } from '../net/inet/udp-socket.js';
import { KeptOptions } from '../net/kept-options.js';
import { NetlinkSocket } from '../net/netlink/netlink-socket.js';
import { NetlinkPorts } from '../net/netlink/ports.js';
import { Network } from '../net/network.js';
import { SocketOptions } from '../net/socket-options.js';
import { InFlight } from '../net/unix/in-flight.js';
import { MessageQueue } from '../net/unix/message-queue.js';
import { UnixSocket } from '../net/unix/unix-socket.js';
import { Restart } from '../outcome.js';
import { SignalActions } from '../signal/actions.js';
import { PendingSignals } from '../signal/pending.js';
import { Syslog } from '../syslog.js';
import { ResourceLimits } from '../task/limits.js';
import { Scheduling } from '../task/scheduling.js';
import { CpuTimer } from '../time/cpu-timer.js';
import { PosixTimer, PosixTimers } from '../time/posix-timer.js';
import { WaitQueue } from '../wait.js';
import type { SavedClass } from './graph.js';
import { groupRule, taskRule } from './task-rules.js';

const plain = {
  AsyncOwner,
  EpollFile,
  EpollItem,
  EventFile,
  PidFile,
  PseudoFs,
  PseudoInode,
  SignalFile,
  TimerFile,
  CachedName,
  DentryCache,
  FullDevice,
  NullDevice,
  RandomDevice,
  ZeroDevice,
  FdTable,
  FsContext,
  FdCache,
  HostFile,
  HostFs,
  HostInode,
  LockTable,
  MountNamespace,
  LowerFile,
  Overlay,
  OverlayDirectory,
  OverlayFile,
  OverlayState,
  OverlaySpecial,
  OverlaySymlink,
  Fifo,
  FifoFile,
  PageRing,
  Pipe,
  PipeFile,
  StdioFile,
  StdioFs,
  StdioInode,
  ListedDirectory,
  TextFile,
  Chunks,
  DataStore,
  TmpDirectory,
  TmpDirectoryDescription,
  TmpFile,
  TmpFileDescription,
  FileData,
  TmpSpecial,
  TmpSymlink,
  Tmpfs,
  ByteQueue,
  Echo,
  InputQueue,
  LineDiscipline,
  MasterFile,
  OutputFilter,
  PtsInode,
  SlaveFile,
  Terminal,
  PathFile,
  MemoryUsage,
  MemoryManager,
  SharedAnonymous,
  Vma,
  VmaTree,
  KernelMemory,
  ByteRing,
  PortTable,
  TcpBacklog,
  TcpSocket,
  UdpSocket,
  KeptOptions,
  NetlinkPorts,
  Syslog,
  NetlinkSocket,
  Network,
  SocketOptions,
  InFlight,
  MessageQueue,
  UnixSocket,
  Restart,
  SignalActions,
  PendingSignals,
  ResourceLimits,
  Scheduling,
  CpuTimer,
  PosixTimer,
  PosixTimers,
  WaitQueue,
};

/** Names are those of the list, not of the functions: a bundler may change these. */
export const savedClasses: ReadonlyMap<string, SavedClass> = new Map<string, SavedClass>([
  ...Object.entries(plain),
  ['Task', taskRule],
  ['ThreadGroup', groupRule],
]);
