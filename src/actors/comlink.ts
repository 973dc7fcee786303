/**
 * The one place that imports Comlink. Its UMD and ESM builds are two instances whose proxies do not
 * know each other; everybody gets this one.
 */
import type { MessagePort } from 'node:worker_threads';
import { expose, type Remote, releaseProxy, wrap } from 'comlink/dist/esm/comlink.mjs';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';

export type { Remote } from 'comlink/dist/esm/comlink.mjs';

/** Answers calls that come by the port. */
export function serve(target: object, port: MessagePort): void {
  expose(target, nodeEndpoint(port as never));
}

/**
 * The other side's object, by its port. `posted` runs after each message: the other side may be a shard
 * that sleeps in a host call.
 */
export function connect<T extends object>(port: MessagePort, posted: () => void): Remote<T> {
  const ringing = {
    postMessage(message: unknown, transfer: readonly MessagePort[] = []): void {
      port.postMessage(message, transfer);
      posted();
    },
    on: port.on.bind(port),
    off: port.off.bind(port),
  };
  return wrap<T>(nodeEndpoint(ringing as never));
}

/** Lets go of the other side; the proxy is dead afterwards. */
export function release(remote: Remote<never>): void {
  (remote as { [releaseProxy](): void })[releaseProxy]();
}
