/** Where a saved kernel is written to and read from, piece by piece: implemented above (actors/save). */
import type { Graph } from './graph.js';

/** Bytes of one address space: `memory` numbers them in the order of the graph's list. */
export interface Pages {
  readonly memory: number;
  readonly addr: number;
  readonly bytes: Uint8Array;
}

/** First the state, then the memory, as in gVisor: what cannot be made again is refused before any page is read. */
export interface ImageWriter {
  /** What is being done from now on, with so many bytes where that is known. */
  begin(phase: 'files' | 'state' | 'memory', total?: number): void;
  state(graph: Graph): void;
  /** `bytes` may be used again after the call. */
  pages(pages: Pages): void;
}

export interface ImageReader {
  begin(phase: 'state' | 'memory'): void;
  state(): Graph;
  pages(): Iterable<Pages>;
}
