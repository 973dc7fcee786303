/**
 * A kernel's image in a file. The shards write one after the other; each reads its own part, and checks
 * the others on the way.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import type { Graph, Node } from '../../kernel/save/graph.js';
import type { ImageReader, ImageWriter, Pages } from '../../kernel/save/image.js';
import type { ImageDescription, SaveProgress } from '../../messages/kernel.js';
import type { SaveRequest } from '../../messages/shard.js';
import {
  BrokenImage,
  checkSignature,
  type Frame,
  FrameChain,
  HEADER_SIZE,
  Kind,
  SIGNATURE_SIZE,
  signature,
} from './frames.js';
import type { Phases } from './phases.js';

const NONE = new Uint8Array(0);

/** Reads frames from the start of a file. */
class FrameSource {
  readonly #fd: number;
  readonly #chain = new FrameChain();
  readonly #size: number;
  #at = SIGNATURE_SIZE;

  constructor(
    fd: number,
    readonly phases?: Phases,
  ) {
    this.#fd = fd;
    this.#size = fstatSync(fd).size;
    checkSignature(this.#read(0, Math.min(SIGNATURE_SIZE, this.#size)));
  }

  /** Bytes that have not been read. */
  get left(): number {
    return this.#size - this.#at;
  }

  next(): Frame {
    const header = this.#take(HEADER_SIZE);
    const { head, stored } = FrameChain.lengths(header);
    return this.#chain.decode(header, this.#take(head), this.#take(stored));
  }

  #take(length: number): Uint8Array {
    if (this.#at + length > this.#size) throw new BrokenImage('it is truncated');
    const bytes = this.#read(this.#at, length);
    this.#at += length;
    this.phases?.moved(length);
    this.phases?.done(length);
    return bytes;
  }

  #read(at: number, length: number): Uint8Array {
    // Not from Buffer's pool: typed arrays are made of it.
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const n = readSync(this.#fd, bytes, done, length - done, at + done);
      if (n === 0) throw new BrokenImage('it is truncated');
      done += n;
    }
    return bytes;
  }
}

/** Puts frames behind those that are there. */
export class ImageFileWriter implements ImageWriter {
  readonly #fd: number;
  readonly #chain: FrameChain;

  constructor(
    fd: number,
    chain: FrameChain,
    readonly shard: number,
    readonly options: { readonly compress: boolean },
    readonly phases: Phases,
  ) {
    this.#fd = fd;
    this.#chain = chain;
  }

  begin(phase: SaveProgress['phase'], total = 0): void {
    this.phases.begin(phase, total);
  }

  state(graph: Graph): void {
    this.phases.counted(graph.nodes);
    for (const [index, bytes] of graph.bytes.entries()) this.#put(Kind.BYTES, { index }, bytes, true);
    const nodes = Buffer.from(JSON.stringify({ root: graph.root, nodes: graph.nodes }));
    this.#put(Kind.GRAPH, { bytes: graph.bytes.length }, nodes, true);
  }

  pages({ memory, addr, bytes }: Pages): void {
    this.#put(Kind.PAGES, { memory, addr }, bytes, this.options.compress);
    this.phases.done(bytes.length);
  }

  end(kind: typeof Kind.SHARD_END | typeof Kind.END): void {
    this.#put(kind, {}, NONE, false);
  }

  describe(description: ImageDescription): void {
    this.#put(Kind.DESCRIPTION, description, NONE, false);
  }

  #put(kind: Kind, head: unknown, bytes: Uint8Array, compress: boolean): void {
    for (const part of this.#chain.encode({ kind, shard: this.shard, head, bytes }, { compress })) {
      for (let done = 0; done < part.length; ) done += writeSync(this.#fd, part, done);
      this.phases.moved(part.length);
    }
  }
}

/** Writes one shard's part. */
export function writeImage(
  request: SaveRequest,
  shard: number,
  phases: Phases,
  write: (image: ImageWriter) => void,
): void {
  const { path, description } = request;
  const fd = openSync(path, 'wx', 0o600);
  try {
    writeSync(fd, signature());
    const chain = new FrameChain();
    const image = new ImageFileWriter(fd, chain, shard, request, phases);
    image.describe(description);
    write(image);
    image.end(Kind.SHARD_END);
    image.end(Kind.END);
    phases.end();
  } finally {
    closeSync(fd);
  }
}

export function readDescription(path: string): ImageDescription {
  const fd = openSync(path, 'r');
  try {
    const frame = new FrameSource(fd).next();
    if (frame.kind !== Kind.DESCRIPTION) throw new BrokenImage('it does not say what it is');
    return frame.head as ImageDescription;
  } finally {
    closeSync(fd);
  }
}

/** Reads one shard's part; all of the file has been checked when `read` is done. */
export function readImage<T>(
  path: string,
  shard: number,
  phases: Phases,
  read: (image: ImageReader) => T,
): T {
  const fd = openSync(path, 'r');
  try {
    const frames = new FrameSource(fd, phases);
    const result = read(new ImageFileReader(frames, shard, phases));
    for (let frame = frames.next(); frame.kind !== Kind.END; frame = frames.next());
    phases.end();
    return result;
  } finally {
    closeSync(fd);
  }
}

class ImageFileReader implements ImageReader {
  constructor(
    readonly frames: FrameSource,
    readonly shard: number,
    readonly phases: Phases,
  ) {}

  begin(phase: SaveProgress['phase']): void {
    this.phases.begin(phase, phase === 'memory' ? this.frames.left : 0);
  }

  state(): Graph {
    const bytes: Uint8Array[] = [];
    for (;;) {
      const frame = this.#own();
      if (frame.kind === Kind.BYTES) bytes.push(frame.bytes);
      else if (frame.kind === Kind.GRAPH) {
        const { root, nodes } = JSON.parse(Buffer.from(frame.bytes).toString()) as Graph & { nodes: Node[] };
        this.phases.counted(nodes);
        return { root, nodes, bytes };
      } else throw new BrokenImage('it has no state');
    }
  }

  *pages(): Iterable<Pages> {
    for (let frame = this.#own(); frame.kind === Kind.PAGES; frame = this.#own()) {
      const { memory, addr } = frame.head as { memory: number; addr: number };
      yield { memory, addr, bytes: frame.bytes };
    }
  }

  #own(): Frame {
    for (;;) {
      const frame = this.frames.next();
      if (frame.kind === Kind.END) throw new BrokenImage(`it has nothing of shard ${this.shard}`);
      if (frame.shard === this.shard && frame.kind !== Kind.DESCRIPTION) return frame;
    }
  }
}
