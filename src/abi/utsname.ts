/** uname(2). */
import { bytes, struct } from './struct.js';

/** Bytes of one string of struct utsname, without the NUL. */
export const UTS_LEN = 64;
const text = bytes(UTS_LEN + 1);

/** struct new_utsname */
export const utsname = struct('utsname', {
  sysname: text,
  nodename: text,
  release: text,
  version: text,
  machine: text,
  domainname: text,
});
