/** uname(2), sethostname(2), setdomainname(2). */
import { E } from '../../abi/errno.js';
import { NR } from '../../abi/numbers.js';
import { UTS_LEN, utsname } from '../../abi/utsname.js';
import type { UserAddr } from '../../base/brand.js';
import { bytesOf, latin1 } from '../../base/bytes.js';
import { CAP, has } from '../auth/credentials.js';
import { fail, type Result } from '../outcome.js';
import type { Task } from '../task/task.js';
import { inBuffer, int, structOut } from './codecs.js';
import { arg, syscall } from './declare.js';

export const unameCalls = [
  syscall(NR.uname, 'uname', [arg('buf', structOut(utsname))], {}, (task, at) => {
    const { uts } = task.kernel;
    task.memory.writeStruct(utsname, at, {
      sysname: bytesOf(uts.sysname),
      nodename: bytesOf(uts.nodename),
      release: bytesOf(uts.release),
      version: bytesOf(uts.version),
      machine: bytesOf(uts.machine),
      domainname: bytesOf(uts.domainname),
    });
    return 0;
  }),
  syscall(
    NR.sethostname,
    'sethostname',
    [arg('name', inBuffer('len')), arg('len', int)],
    {},
    (task, at, length) =>
      setName(task, at, length, (name) => {
        task.kernel.uts.nodename = name;
      }),
  ),
  syscall(
    NR.setdomainname,
    'setdomainname',
    [arg('name', inBuffer('len')), arg('len', int)],
    {},
    (task, at, length) =>
      setName(task, at, length, (name) => {
        task.kernel.uts.domainname = name;
      }),
  ),
];

function setName(task: Task, at: UserAddr, length: number, set: (name: string) => void): Result {
  if (!has(task.creds, CAP.SYS_ADMIN)) return fail(E.EPERM);
  if (length < 0 || length > UTS_LEN) return fail(E.EINVAL);
  const name = latin1(task.memory.readBytes(at, length));
  const nul = name.indexOf('\0');
  set(nul < 0 ? name : name.slice(0, nul));
  return 0;
}
