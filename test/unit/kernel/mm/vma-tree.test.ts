import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canMerge, VM, Vma } from '../../../../src/kernel/mm/vma.js';
import { VmaTree } from '../../../../src/kernel/mm/vma-tree.js';
import { FakeFile } from '../../support/memory.js';

const PAGE = 4096;
const PAGES = 40;

/** What a page is in the model: flags, file and offset in it. */
interface PageFact {
  flags: number;
  file: FakeFile | undefined;
  offset: number;
}

type Step =
  | { kind: 'map'; start: number; pages: number; flags: number; file: number; offset: number }
  | { kind: 'unmap'; start: number; pages: number }
  | { kind: 'protect'; start: number; pages: number; flags: number };

const start = fc.integer({ min: 0, max: PAGES - 1 });
const pages = fc.integer({ min: 1, max: 12 });
const flags = fc.constantFrom(VM.READ, VM.READ | VM.WRITE, 0);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('map' as const),
    start,
    pages,
    flags,
    file: fc.integer({ min: -1, max: 1 }),
    offset: fc.integer({ min: 0, max: 3 }),
  }),
  fc.record({ kind: fc.constant('unmap' as const), start, pages }),
  fc.record({ kind: fc.constant('protect' as const), start, pages, flags }),
);

function check(tree: VmaTree, model: (PageFact | undefined)[], files: CountedFile[]): void {
  const seen: (PageFact | undefined)[] = new Array(PAGES + 12).fill(undefined);
  let previous: Vma | undefined;
  for (const vma of tree) {
    expect(vma.start).toBeLessThan(vma.end);
    if (previous) {
      expect(previous.end).toBeLessThanOrEqual(vma.start);
      expect(canMerge(previous, vma)).toBe(false);
    }
    previous = vma;
    for (let at = vma.start; at < vma.end; at += PAGE) {
      seen[at / PAGE] = {
        flags: vma.flags,
        file: vma.file as FakeFile | undefined,
        offset: vma.offsetAt(at),
      };
      expect(tree.find(at)).toBe(vma);
    }
  }
  expect(seen).toEqual(model);
  // A mapping more or less than the references that are held would close too early or never.
  for (const file of files) {
    const held = [...tree].filter((v) => v.file === file).length;
    expect(file.references).toBe(held + 1);
  }
}

class CountedFile extends FakeFile {
  references = 1;
  override retain(): this {
    this.references++;
    return super.retain();
  }
  override release(): void {
    this.references--;
    super.release();
  }
}

describe('VmaTree', () => {
  test('agrees with a flat map of pages, keeps neighbours merged and references counted', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const files: CountedFile[] = [new CountedFile(0), new CountedFile(0)];
        const tree = new VmaTree();
        const model: (PageFact | undefined)[] = new Array(PAGES + 12).fill(undefined);
        for (const s of steps) {
          const from = s.start * PAGE;
          const to = from + s.pages * PAGE;
          if (s.kind === 'protect') {
            tree.change(from, to, (vma) => {
              vma.flags = s.flags;
            });
          } else {
            for (const gone of tree.remove(from, to)) gone.file?.release();
          }
          const file = s.kind === 'map' ? files[s.file] : undefined;
          if (s.kind === 'map') {
            const offset = file ? s.offset * PAGE : 0;
            tree.insert(new Vma({ start: from, end: to, flags: s.flags, file: file?.retain(), offset }));
          }
          for (let i = 0; i < s.pages; i++) {
            const page = s.start + i;
            const old = model[page];
            if (s.kind === 'unmap') model[page] = undefined;
            else if (s.kind === 'protect') model[page] = old && { ...old, flags: s.flags };
            else model[page] = { flags: s.flags, file, offset: file ? (s.offset + i) * PAGE : 0 };
          }
          check(tree, model, files);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('finds the same gaps as looking at every page', () => {
    const spans = fc.array(fc.tuple(start, pages), { maxLength: 10 });
    fc.assert(
      fc.property(spans, fc.integer({ min: 1, max: 15 }), fc.constantFrom(1, 2, 4), (taken, want, align) => {
        const tree = new VmaTree();
        const used = new Set<number>();
        for (const [at, n] of taken) {
          tree.remove(at * PAGE, (at + n) * PAGE);
          tree.insert(new Vma({ start: at * PAGE, end: (at + n) * PAGE, flags: VM.READ }));
          for (let i = 0; i < n; i++) used.add(at + i);
        }
        const fits = (at: number): boolean => {
          for (let i = 0; i < want; i++) if (used.has(at + i)) return false;
          return at % align === 0;
        };
        const places: number[] = [];
        for (let at = 2; at + want <= PAGES; at++) if (fits(at)) places.push(at * PAGE);
        const [low, high] = [2 * PAGE, PAGES * PAGE];
        expect(tree.highestGap(low, high, want * PAGE, align * PAGE)).toBe(places.at(-1));
        expect(tree.lowestGap(low, high, want * PAGE, align * PAGE)).toBe(places[0]);
      }),
    );
  });

  test('a stack keeps its guard gap free below', () => {
    const tree = new VmaTree();
    tree.insert(new Vma({ start: 0x1000_0000, end: 0x1001_0000, flags: VM.READ | VM.GROWSDOWN }));
    expect(tree.highestGap(0, 0x1000_0000, PAGE, PAGE)).toBe(0x1000_0000 - (1 << 20) - PAGE);
  });

  test('names keep anonymous neighbours apart', () => {
    const tree = new VmaTree();
    tree.insert(new Vma({ start: 0, end: PAGE, flags: VM.READ, name: '[heap]' }));
    tree.insert(new Vma({ start: PAGE, end: 2 * PAGE, flags: VM.READ }));
    expect(tree.size).toBe(2);
  });
});
