/** docs/conformance.md: a section for each of the suites, each written by the command that runs it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = join(import.meta.dirname, '../../docs/conformance.md');

/** Puts `text` where the section `title` is, or at the end. */
export function writeSection(title, text) {
  const [head, ...sections] = readFileSync(PAGE, 'utf8').split(/^## /m);
  const section = `${title}\n\n${text.trimEnd()}`;
  const place = sections.findIndex((old) => old.startsWith(`${title}\n`));
  if (place < 0) sections.push(section);
  else sections[place] = section;
  writeFileSync(PAGE, `${[head, ...sections].map((part) => part.trimEnd()).join('\n\n## ')}\n`);
}
