/** The project's own files as the structure tests read them: by regular expression, which is enough for rules this plain. */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface SourceFile {
  /** From the project's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** One import, dynamic ones and re-exports included. */
export interface Import {
  /** From the project's root for a relative one, else the package's name as written. */
  readonly target: string;
  readonly relative: boolean;
}

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const NOT_OURS = new Set(['node_modules', 'gen', '.git', '.tmp', 'coverage', 'results', 'package-lock.json']);

/** All files below `folder` (from the root, '' for all) whose name matches. */
export function filesBelow(folder: string, name: RegExp): readonly SourceFile[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (NOT_OURS.has(entry.name)) return [];
    if (entry.isDirectory()) return filesBelow(path, name);
    return entry.isFile() && name.test(entry.name)
      ? [{ path, text: readFileSync(join(root, path), 'utf8') }]
      : [];
  });
}

/** The text without comments; strings stay. */
export function code(text: string): string {
  const token = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replaceAll(token, (part) => (part.startsWith('//') || part.startsWith('/*') ? ' ' : part));
}

export function importsOf({ path, text }: SourceFile): readonly Import[] {
  const statement = /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+|\brequire\s*\(\s*)(['"])([^'"\n]+)\1/g;
  return [...code(text).matchAll(statement)].map(([, , specifier = '']) => {
    const relative = specifier.startsWith('.');
    return { target: relative ? posix.join(posix.dirname(path), specifier) : specifier, relative };
  });
}
