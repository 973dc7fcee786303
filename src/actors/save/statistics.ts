/** What a saved kernel's state is made of, for the log (K23). */
import type { Node } from '../../kernel/save/graph.js';

/** How many objects of each class, the most first; those without a class by what they are. */
export function statisticsOf(nodes: readonly Node[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const name = nameOf(node);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

function nameOf(node: Node): string {
  if ('class' in node && node.class !== undefined) return node.class;
  if ('late' in node) return node.late;
  if ('view' in node) return node.view;
  if ('array' in node) return 'array';
  if ('map' in node) return 'map';
  if ('set' in node) return 'set';
  return 'external' in node ? 'external' : 'record';
}
