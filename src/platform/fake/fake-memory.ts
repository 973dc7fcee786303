/**
 * Memory of a fake guest: mapped ranges with pages made when first touched. Private ranges are copied by
 * fork, shared ones are the same pages afterwards.
 */
const PAGE = 4096;
const WRITE = 2;

interface Range {
  start: number;
  end: number;
  prot: number;
  readonly shared: boolean;
  /** By page number within the address space the range was made in. */
  readonly pages: Map<number, Uint8Array>;
}

export class FakeMemory {
  #ranges: Range[] = [];

  map(start: number, length: number, how: { prot: number; shared: boolean }): void {
    this.unmap(start, length);
    this.#ranges.push({ start, end: start + length, pages: new Map(), ...how });
  }

  unmap(start: number, length: number): void {
    this.#cut(start, start + length);
    this.#ranges = this.#ranges.filter((r) => !(r.start >= start && r.end <= start + length));
  }

  protect(start: number, length: number, prot: number): void {
    this.#cut(start, start + length);
    for (const r of this.#ranges) if (r.start >= start && r.end <= start + length) r.prot = prot;
  }

  move(from: number, fromLength: number, to: number, toLength: number): void {
    const bytes = new Uint8Array(Math.min(fromLength, toLength));
    this.copyOut(from, bytes);
    const before = this.#find(from);
    this.unmap(from, fromLength);
    this.map(to, toLength, { prot: before?.prot ?? 0, shared: before?.shared ?? false });
    this.copyIn(to, bytes);
  }

  fork(): FakeMemory {
    const copy = new FakeMemory();
    copy.#ranges = this.#ranges.map((r) => ({
      ...r,
      pages: r.shared ? r.pages : new Map([...r.pages].map(([n, page]) => [n, page.slice()])),
    }));
    return copy;
  }

  copyOut(addr: number, into: Uint8Array): number {
    return this.#walk(addr, into.length, 'read', (page, offset, at, length) => {
      into.set(page.subarray(offset, offset + length), at);
    });
  }

  copyIn(addr: number, from: Uint8Array): number {
    return this.#walk(addr, from.length, 'write', (page, offset, at, length) => {
      page.set(from.subarray(at, at + length), offset);
    });
  }

  clear(): void {
    this.#ranges = [];
  }

  get mappedBytes(): number {
    return this.#ranges.reduce((sum, r) => sum + r.end - r.start, 0);
  }

  #walk(
    addr: number,
    length: number,
    why: 'read' | 'write',
    visit: (page: Uint8Array, offset: number, at: number, length: number) => void,
  ): number {
    let done = 0;
    while (done < length) {
      const at = addr + done;
      const range = this.#find(at);
      if (!range || range.prot === 0 || (why === 'write' && !(range.prot & WRITE))) break;
      const number = Math.floor(at / PAGE);
      let page = range.pages.get(number);
      if (!page) {
        page = new Uint8Array(PAGE);
        range.pages.set(number, page);
      }
      const offset = at % PAGE;
      const part = Math.min(PAGE - offset, length - done);
      visit(page, offset, done, part);
      done += part;
    }
    return done;
  }

  #find(addr: number): Range | undefined {
    return this.#ranges.find((r) => addr >= r.start && addr < r.end);
  }

  /** Splits ranges so that none crosses `start` or `end`. The parts go on sharing their pages. */
  #cut(start: number, end: number): void {
    for (const at of [start, end]) {
      const r = this.#ranges.find((one) => one.start < at && one.end > at);
      if (!r) continue;
      this.#ranges.push({ ...r, start: at });
      r.end = at;
    }
  }
}
