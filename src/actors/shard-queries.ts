/** What a shard answers when it is asked about itself: a walk over its objects, at that moment. */
import { toUnicode } from '../base/bytes.js';
import type { MountNamespace } from '../kernel/fs/mounts.js';
import { pathName } from '../kernel/fs/path-name.js';
import type { KernelServices } from '../kernel/services.js';
import { supervisorContext } from '../kernel/supervisor.js';
import { syslogOf } from '../kernel/syslog.js';
import type { Task } from '../kernel/task/task.js';
import type { MountSnapshot, ShardQueries, ShardQuery, TaskSnapshot } from '../messages/snapshots.js';

type Answers = { readonly [Q in ShardQuery]: () => ShardQueries[Q] };

export function answerQuery(
  query: ShardQuery,
  services: KernelServices,
  mounts: MountNamespace | undefined,
): ShardQueries[ShardQuery] {
  const answers: Answers = {
    tasks: () => [...services.tasks.all()].map(taskSnapshot),
    mounts: () => (mounts ? mountSnapshots(mounts) : []),
    uts: () => ({ ...services.uts }),
    supervisor: () => {
      const { creds } = supervisorContext(services);
      return {
        uid: creds.uid,
        gid: creds.gid,
        effective: creds.effective.toString(16),
        permitted: creds.permitted.toString(16),
        mayTraceAnything: true,
        limits: 'none',
      };
    },
    syslog: () => syslogOf(services).entries(),
  };
  return answers[query]();
}

function taskSnapshot(task: Task): TaskSnapshot {
  const { group, tid, comm, groupStopped, kernel } = task;
  return {
    tid,
    pid: group.pid,
    parentPid: group.parentPid,
    pgid: group.pgid,
    sid: group.sid,
    comm: toUnicode(comm),
    shard: kernel.tasks.shard,
    state: stateOf(task),
    groupStopped,
  };
}

function stateOf({ state, held }: Task): TaskSnapshot['state'] {
  switch (state.name) {
    case 'guest':
    case 'kernel':
      return 'running';
    case 'dead':
      return 'zombie';
    case 'stopped':
      return held ? 'new' : 'stopped';
    default:
      return state.name;
  }
}

function mountSnapshots(mounts: MountNamespace): MountSnapshot[] {
  return mounts.list().map((mount) => ({
    source: toUnicode(mount.source),
    target: toUnicode(pathName({ mount, dentry: mount.root }, mounts.root)),
    type: mount.fs.type,
  }));
}
