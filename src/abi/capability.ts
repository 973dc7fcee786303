/** capget(2), capset(2): structs. The capabilities themselves are in kernel/auth/credentials.ts. */
import { i32, struct, u32 } from './struct.js';

export const LINUX_CAPABILITY_VERSION_1 = 0x1998_0330;
export const LINUX_CAPABILITY_VERSION_2 = 0x2007_1026;
export const LINUX_CAPABILITY_VERSION_3 = 0x2008_0522;

export const capUserHeader = struct('__user_cap_header_struct', { version: u32, pid: i32 });
/** Version 1 has one of these, versions 2 and 3 have two: low and high 32 capabilities. */
export const capUserData = struct('__user_cap_data_struct', {
  effective: u32,
  permitted: u32,
  inheritable: u32,
});

/** prctl(PR_SET_SECUREBITS) */
export const SECBIT_NOROOT = 0x01;
export const SECBIT_NO_SETUID_FIXUP = 0x04;
export const SECBIT_KEEP_CAPS = 0x10;
export const SECBIT_KEEP_CAPS_LOCKED = 0x20;
export const SECBIT_NO_CAP_AMBIENT_RAISE = 0x40;
export const SECURE_ALL_BITS = 0x55;
export const SECURE_ALL_LOCKS = 0xaa;
