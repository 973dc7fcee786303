/** The shard on whose thread the Kernel actor lives (kernel-host.ts). */
export const HOST_SHARD = 0;
