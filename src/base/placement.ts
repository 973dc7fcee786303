/** Which shards run programs, as embedders and the command line say it: actors/placement.ts. */
export const PLACEMENTS = ['pack', 'spread', 'adaptive'] as const;

export type PlacementPolicy = (typeof PLACEMENTS)[number];
