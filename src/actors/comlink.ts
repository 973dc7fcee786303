/**
 * The one place that imports Comlink. Its UMD and ESM builds are two instances whose proxies do not
 * know each other; everybody gets this one.
 */
import { createRequire } from 'node:module';
import type * as Comlink from 'comlink';

const require = createRequire(import.meta.url);
const comlink = require('comlink') as typeof Comlink;
const nodeEndpoint = require('comlink/dist/umd/node-adapter.js') as (port: NodePort) => Comlink.Endpoint;

interface NodePort {
  postMessage(message: unknown, transfer?: readonly unknown[]): void;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

export const { expose, wrap } = comlink;

/** Lets go of the other side; the proxy is dead afterwards. */
export function release(remote: Comlink.Remote<unknown>): void {
  (remote as { [comlink.releaseProxy](): void })[comlink.releaseProxy]();
}
export type { Remote } from 'comlink';
export { nodeEndpoint };
