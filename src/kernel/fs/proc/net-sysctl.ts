/** /proc/sys/net: what the sockets of this kernel keep to; none of it can be changed. */
import { FIRST_EPHEMERAL, LAST_EPHEMERAL } from '../../net/inet/port-table.js';
import { SOMAXCONN } from '../../net/inet/tcp-backlog.js';
import { DEFAULT_BUFFER } from '../../net/socket-options.js';
import { type Directory, fixedDirectory, type SyntheticFs, Text } from '../synthetic/synthetic-fs.js';

export function netSysctls(fs: SyntheticFs): Directory {
  const value = (v: string | number): Text => new Text(fs, () => `${v}\n`);
  const conf = fixedDirectory(fs, { disable_ipv6: value(0), accept_ra: value(1), forwarding: value(0) });
  return fixedDirectory(fs, {
    core: fixedDirectory(fs, {
      netdev_max_backlog: value(1000),
      optmem_max: value(131_072),
      rmem_default: value(DEFAULT_BUFFER),
      rmem_max: value(DEFAULT_BUFFER),
      somaxconn: value(SOMAXCONN),
      wmem_default: value(DEFAULT_BUFFER),
      wmem_max: value(DEFAULT_BUFFER),
    }),
    ipv4: fixedDirectory(fs, {
      ip_forward: value(0),
      ip_local_port_range: value(`${FIRST_EPHEMERAL}\t${LAST_EPHEMERAL}`),
      ip_nonlocal_bind: value(0),
      ip_unprivileged_port_start: value(1024),
      tcp_available_congestion_control: value('reno cubic'),
      tcp_congestion_control: value('cubic'),
      tcp_fastopen: value(0),
      tcp_fin_timeout: value(60),
      tcp_keepalive_intvl: value(75),
      tcp_keepalive_probes: value(9),
      tcp_keepalive_time: value(7200),
      tcp_max_syn_backlog: value(1024),
      tcp_rmem: value('4096\t131072\t6291456'),
      tcp_syncookies: value(1),
      tcp_tw_reuse: value(2),
      tcp_wmem: value('4096\t16384\t4194304'),
    }),
    ipv6: fixedDirectory(fs, {
      bindv6only: value(0),
      conf: fixedDirectory(fs, { all: conf, default: conf, lo: conf }),
    }),
    unix: fixedDirectory(fs, { max_dgram_qlen: value(10) }),
  });
}
