/** What file systems ask of the host; the contract lives with the platform, which implements it. */
export {
  type HostDirEntry,
  type HostFiles,
  type HostStat,
  type HostStatfs,
  newHostStat,
} from '../../platform/host-files.js';
