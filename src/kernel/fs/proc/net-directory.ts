/** /proc/net, proc_net(5): the loopback interface and the sockets of this kernel, in Linux's columns. */
import { TCP_STATE } from '../../../abi/inet.js';
import { AF_INET, SOCK_STREAM } from '../../../abi/socket.js';
import { latin1 } from '../../../base/bytes.js';
import type { InetSocket } from '../../net/inet/inet-socket.js';
import { addressBytes, bytes16, type Endpoint } from '../../net/inet/ip-address.js';
import { type Network, networkOf } from '../../net/network.js';
import type { UnixSocket } from '../../net/unix/unix-socket.js';
import { type Directory, fixedDirectory, type SyntheticFs, Text } from '../synthetic/synthetic-fs.js';

const DEV =
  'Inter-|   Receive                                                |  Transmit\n' +
  ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n' +
  '    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n';
const IF_INET6 = '00000000000000000000000000000001 01 80 10 80       lo\n';
const ROUTE = `${`Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT`.padEnd(127)}\n`;
const COLUMNS = 'st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const V4 = `  sl  local_address rem_address   ${COLUMNS}`;
const V6 = `  sl  local_address                         remote_address                        ${COLUMNS}`;

const made = new WeakMap<SyntheticFs, Directory>();

export function netDirectory(fs: SyntheticFs): Directory {
  let directory = made.get(fs);
  if (!directory) {
    const network = networkOf(fs.services);
    const text = (read: () => string): Text => new Text(fs, read);
    directory = fixedDirectory(fs, {
      dev: text(() => DEV),
      if_inet6: text(() => IF_INET6),
      route: text(() => ROUTE),
      ipv6_route: text(() => ''),
      sockstat: text(() => sockstat(network)),
      tcp: text(() => tcpTable(network, 'v4')),
      tcp6: text(() => tcpTable(network, 'v6')),
      udp: text(() => udpTable(network, 'v4')),
      udp6: text(() => udpTable(network, 'v6')),
      raw: text(() => `${V4} ref pointer drops\n`),
      raw6: text(() => `${V6} ref pointer drops\n`),
      packet: text(() => 'sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n'),
      unix: text(() => unixTable(network)),
    });
    made.set(fs, directory);
  }
  return directory;
}

type Version = 'v4' | 'v6';

function ofVersion<T extends InetSocket>(sockets: Iterable<T>, version: Version): T[] {
  return [...sockets].filter((s) => (s.family === AF_INET) === (version === 'v4'));
}

function tcpTable(network: Network, version: Version): string {
  // Connections that nobody has accepted have no file, and are not owned by anybody yet.
  const rows = ofVersion(network.tcp.all(), version).map((s, n) => {
    const listening = s.tcpState === TCP_STATE.LISTEN;
    const queues = { sent: s.unsent, received: listening ? s.waiting : s.unread };
    return `${row(s, n, s.tcpState, queues)} ${s.referenceCount} 0000000000000000 ${listening ? '100 0 0 10 0' : '20 4 30 10 -1'}`;
  });
  return table(version === 'v4' ? V4.padEnd(149) : V6, rows, version === 'v4' ? 149 : 0);
}

function udpTable(network: Network, version: Version): string {
  const rows = ofVersion(network.udp.all(), version).map((s, n) => {
    const state = s.remote ? TCP_STATE.ESTABLISHED : TCP_STATE.CLOSE;
    return `${row(s, n, state, { sent: 0, received: s.unread })} 2 0000000000000000 0`;
  });
  return table(`${version === 'v4' ? ` ${V4}` : V6} ref pointer drops`, rows, version === 'v4' ? 127 : 0);
}

function table(head: string, rows: readonly string[], width: number): string {
  return [head, ...rows].map((line) => `${line.padEnd(width)}\n`).join('');
}

function row(
  socket: InetSocket,
  n: number,
  state: number,
  queues: { sent: number; received: number },
): string {
  const nowhere: Endpoint = { address: socket.family === AF_INET ? '0.0.0.0' : '0'.repeat(32), port: 0 };
  const ends = [socket.local, socket.remote ?? nowhere].map((e) => endpointText(e, socket.family)).join(' ');
  const { uid } = socket.inode.attributes();
  const amounts = `${hex(queues.sent, 8)}:${hex(queues.received, 8)}`;
  const owner = `${String(uid).padStart(5)}        0 ${socket.ino}`;
  return `${String(n).padStart(4)}: ${ends} ${hex(state, 2)} ${amounts} 00:00000000 00000000 ${owner}`;
}

/** Each 32-bit word of an address is shown as the machine reads it: little endian. */
function endpointText({ address, port }: Endpoint, family: number): string {
  const bytes = family === AF_INET ? addressBytes(address) : bytes16(address);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    for (let i = 3; i >= 0; i--) text += hex(bytes[at + i] ?? 0, 2);
  }
  return `${text}:${hex(port, 4)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

const ACCEPTS = 0x1_0000;
const SS_UNCONNECTED = 1;
const SS_CONNECTED = 3;

function unixTable(network: Network): string {
  const rows = [...network.unixSockets].map((s) => `${unixRow(s)}\n`).join('');
  return `Num       RefCount Protocol Flags    Type St Inode Path\n${rows}`;
}

function unixRow(s: UnixSocket): string {
  const flags = s.isListening ? ACCEPTS : 0;
  const state = s.isConnected ? SS_CONNECTED : SS_UNCONNECTED;
  const numbers = [
    hex(s.referenceCount + 1, 8),
    hex(0, 8),
    hex(flags, 8),
    hex(s.type, 4),
    hex(state, 2),
  ].join(' ');
  const path = latin1(s.name.subarray(2)).replace(/\0$/, '').replaceAll('\0', '@');
  return `${hex(0, 16)}: ${numbers} ${String(s.ino).padStart(5)}${path === '' ? '' : ` ${path}`}`;
}

function sockstat(network: Network): string {
  const tcp = [...network.tcp.all()].filter((s) => s.type === SOCK_STREAM).length;
  const udp = [...network.udp.all()].length;
  const used = tcp + udp + network.unixSockets.size;
  return `sockets: used ${used}\nTCP: inuse ${tcp} orphan 0 tw 0 alloc ${tcp} mem 0\nUDP: inuse ${udp} mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n`;
}
