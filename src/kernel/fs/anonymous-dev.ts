/** Device numbers (major 0) of file systems that lie on no device: Linux's get_anon_bdev. */
export const anonymousDevices = { last: 0x1f };

/** A st_dev that no other file system of this process has. */
export function anonymousDev(): number {
  return ++anonymousDevices.last;
}
