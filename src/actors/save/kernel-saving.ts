/** What the Kernel actor asks of its shards to save a kernel, and to load one. It has its turn already. */
import type { CreatedProcess, ImageDescription, SaveOptions } from '../../messages/kernel.js';
import type { InitSettings } from '../../messages/lifecycle.js';
import type { LoadRequest, ShardAnswer } from '../../messages/shard.js';
import { HOST_SHARD } from '../host-shard.js';
import type { HostFacts } from '../init-settings.js';
import type { ShardAsks } from '../shard-asks.js';

/** The answer of a shard that refused, if one did. */
export async function saveShards(
  asks: ShardAsks,
  path: string,
  { compress, progress }: SaveOptions,
  description: ImageDescription,
): Promise<ShardAnswer | undefined> {
  // Where processes begin last: it writes, when the others have said that they hold nothing.
  const shards = [...asks.shards.keys()].sort((a, b) => Number(a === HOST_SHARD) - Number(b === HOST_SHARD));
  for (const shard of shards) {
    const request = { path, compress, progress, description };
    const answer = await asks.ask(shard, (id) => ({ type: 'save', id, request }));
    if (answer.type !== 'saved') return answer;
  }
  return undefined;
}

/** The processes that are there again; or the answer of a shard that refused. */
export async function loadShards(
  asks: ShardAsks,
  request: LoadRequest,
): Promise<readonly CreatedProcess[] | ShardAnswer> {
  const all: CreatedProcess[] = [];
  for (const shard of asks.shards.keys()) {
    const answer = await asks.ask(shard, (id) => ({ type: 'load', id, request }));
    if (answer.type !== 'loaded') return answer;
    for (const { pid, pipes } of answer.processes) all.push({ pid, shard, pipes });
  }
  return all;
}

/** What of a saved kernel this host has not, in one line (K25). */
export function lackingOf(
  { useHostCores, applicationCores }: InitSettings,
  host: HostFacts,
): string | undefined {
  if (!useHostCores || applicationCores >= host.possibleCores()) return undefined;
  return `the saved kernel uses the CPUs of the host, ${applicationCores}, and here are ${host.possibleCores()}`;
}
