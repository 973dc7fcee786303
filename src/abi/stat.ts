/** stat(2), statx(2), statfs(2): structs and constants, as x86-64 lays them out. */
import { array, i32, i64, struct, u16, u32, u64 } from './struct.js';
import { timespec } from './time.js';

/** struct stat; field names are C's without st_. */
export const stat = struct('stat', {
  dev: u64,
  ino: u64,
  nlink: u64,
  mode: u32,
  uid: u32,
  gid: u32,
  pad0: i32,
  rdev: u64,
  size: i64,
  blksize: i64,
  blocks: i64,
  atime: timespec,
  mtime: timespec,
  ctime: timespec,
  unused: array(i64, 3),
});

export const statxTimestamp = struct('statx_timestamp', { sec: i64, nsec: u32, reserved: i32 });

/** struct statx; field names are C's without stx_. */
export const statx = struct('statx', {
  mask: u32,
  blksize: u32,
  attributes: u64,
  nlink: u32,
  uid: u32,
  gid: u32,
  mode: u16,
  spare0: u16,
  ino: u64,
  size: u64,
  blocks: u64,
  attributesMask: u64,
  atime: statxTimestamp,
  btime: statxTimestamp,
  ctime: statxTimestamp,
  mtime: statxTimestamp,
  rdevMajor: u32,
  rdevMinor: u32,
  devMajor: u32,
  devMinor: u32,
  mntId: u64,
  dioMemAlign: u32,
  dioOffsetAlign: u32,
  spare3: array(u64, 12),
});

export const STATX_TYPE = 0x0001;
export const STATX_MODE = 0x0002;
export const STATX_NLINK = 0x0004;
export const STATX_UID = 0x0008;
export const STATX_GID = 0x0010;
export const STATX_ATIME = 0x0020;
export const STATX_MTIME = 0x0040;
export const STATX_CTIME = 0x0080;
export const STATX_INO = 0x0100;
export const STATX_SIZE = 0x0200;
export const STATX_BLOCKS = 0x0400;
export const STATX_BASIC_STATS = 0x07ff;
export const STATX_BTIME = 0x0800;
export const STATX_ALL = 0x0fff;
export const STATX_MNT_ID = 0x1000;
export const STATX_DIOALIGN = 0x2000;
export const STATX_RESERVED = 0x8000_0000;
export const STATX_ATTR_MOUNT_ROOT = 0x2000;
export const statxMasks = {
  STATX_ALL,
  STATX_BASIC_STATS,
  STATX_TYPE,
  STATX_MODE,
  STATX_NLINK,
  STATX_UID,
  STATX_GID,
  STATX_ATIME,
  STATX_MTIME,
  STATX_CTIME,
  STATX_INO,
  STATX_SIZE,
  STATX_BLOCKS,
  STATX_BTIME,
  STATX_MNT_ID,
  STATX_DIOALIGN,
} as const;

/** struct statfs; field names are C's without f_. */
export const statfs = struct('statfs', {
  type: i64,
  bsize: i64,
  blocks: u64,
  bfree: u64,
  bavail: u64,
  files: u64,
  ffree: u64,
  fsid: array(i32, 2),
  namelen: i64,
  frsize: i64,
  flags: i64,
  spare: array(i64, 4),
});

/** statfs(2): f_type. */
export const FS_MAGIC = {
  TMPFS: 0x0102_1994,
  PROC: 0x9fa0,
  SYSFS: 0x6265_6572,
  DEVPTS: 0x1cd1,
  OVERLAY: 0x794c_7630,
  EXT4: 0xef53,
  PIPEFS: 0x5049_5045,
  SOCKFS: 0x534f_434b,
  ANON_INODE: 0x0904_1934,
  CGROUP2: 0x6367_7270,
} as const;

/** statfs(2): f_flags; mount(2) has other numbers for the same words. */
export const ST_RDONLY = 0x1;
export const ST_NOSUID = 0x2;
export const ST_NODEV = 0x4;
export const ST_NOEXEC = 0x8;
export const ST_SYNCHRONOUS = 0x10;
export const ST_VALID = 0x20;
export const ST_NOATIME = 0x400;
export const ST_NODIRATIME = 0x800;
export const ST_RELATIME = 0x1000;
