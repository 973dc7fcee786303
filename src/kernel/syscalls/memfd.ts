/** memfd_create(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import {
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_EXEC,
  MFD_HUGETLB,
  MFD_NOEXEC_SEAL,
  memfdFlags,
} from '../../abi/open.js';
import { newMemfd } from '../fs/anon/memfd.js';
import { Failure, fail } from '../outcome.js';
import { cString, flags } from './codecs.js';
import { arg, syscall } from './declare.js';
import { newDescriptor } from './new-descriptor.js';

/** NAME_MAX without "memfd:". */
const LONGEST_NAME = 249;

export const memfdCalls = [
  syscall(
    NR.memfd_create,
    'memfd_create',
    [arg('name', cString(LONGEST_NAME, E.EINVAL)), arg('flags', flags(memfdFlags))],
    {
      classes: ['desc'],
      support: 'partial',
      note: 'no huge pages (MFD_HUGETLB: EINVAL) and no seals (F_ADD_SEALS: EINVAL)',
    },
    (task, name, f) => {
      const known = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC | MFD_NOEXEC_SEAL;
      const both = MFD_EXEC | MFD_NOEXEC_SEAL;
      if ((f & MFD_HUGETLB) !== 0 || (f & ~known) !== 0 || (f & both) === both) return fail(E.EINVAL);
      const mode = (f & MFD_NOEXEC_SEAL) !== 0 ? 0o666 : 0o777;
      const file = newMemfd(task.kernel, task.creds, name, mode);
      if (file instanceof Failure) return file;
      return newDescriptor(task, file, { closeOnExec: (f & MFD_CLOEXEC) !== 0 });
    },
  ),
];
