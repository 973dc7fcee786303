/** The one network interface of a sandbox. */
import { IFF_LOOPBACK, IFF_LOWER_UP, IFF_RUNNING, IFF_UP } from '../../abi/inet.js';

export const LOOPBACK = {
  name: 'lo',
  index: 1,
  mtu: 65_536,
  queueLength: 1000,
  flags: IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP,
} as const;
