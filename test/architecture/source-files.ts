/** The source tree as the architecture tests see it: each file, its room, its imports. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export interface SourceFile {
  /** Relative to the package, like src/kernel/fs/path.ts. */
  readonly path: string;
  readonly text: string;
  /** The text with comments and the insides of strings blanked: what a search for syntax may trust. */
  readonly code: string;
  readonly imports: readonly string[];
  /** Those that are still there when the program runs: no `import type`. */
  readonly runtimeImports: readonly string[];
}

const ROOT = join(import.meta.dirname ?? join(process.cwd(), 'test', 'architecture'), '..', '..');

export function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .sort()
    .map(readSource);
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const runtimeImports = importsOf(text.replace(TYPE_IMPORT, ''));
  return { path, text, code: withoutCommentsAndStrings(text), imports: importsOf(text), runtimeImports };
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s(?:[^'";]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** `import type …;`, `export type … from …;` and the type `import('…').Name`. */
const TYPE_IMPORT = /\b(?:import|export) type\s[^;]*;|\bimport\(\s*'[^']+'\s*\)\.[A-Z]/g;

export function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map((m) => (m[1] ?? m[2]) as string);
}

/** The file that a relative import names, as a path like SourceFile's; undefined for packages. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return normalize(join(dirname(from), specifier)).replace(/\.js$/, '.ts');
}

const TRIVIA =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|\$\{[^{}]*\}|[^`\\])*`|(?<=[=(,:[!&|?{;\n]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/[a-z]*/g;

export function withoutCommentsAndStrings(text: string): string {
  return text.replace(TRIVIA, (match) => match.replace(/[^\n]/g, ' '));
}
