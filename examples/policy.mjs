/**
 * A module of hooks: it is loaded into every shard and asked about the system calls that it names, on the
 * way: what it decides is what happens. Strings are byte strings.
 *
 * @typedef {import('troupe').SyscallHooks} Hooks
 */

export const syscalls = 'openat,geteuid,/^unlink';

/** @type {Hooks['before']} */
export function before(call) {
  switch (call.name) {
    case 'openat':
      // Refused: the program sees the errno.
      if (call.args.pathname === '/etc/shadow') return { errno: 'EACCES' };
      // Redirected: arguments are read once, so what was looked at is what is opened.
      if (call.args.pathname === '/etc/motd') return { args: { pathname: '/etc/hostname' } };
      return;
    case 'unlink':
    case 'unlinkat':
      // Pretended: nothing is removed.
      return { result: 0 };
  }
}

/** @type {Hooks['after']} */
export function after(call) {
  if (call.name === 'geteuid') return { result: 1234 };
}
