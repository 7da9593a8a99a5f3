/** Breaks the program on purpose: the source of one file is changed on its way into this thread. The file itself stays as it is. */
import { registerHooks } from 'node:module';

export interface Mutation {
  readonly name: string;
  /** Below the project's folder. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly search: string;
  readonly replacement: string;
}

/** A mutation whose text is not in its file: the file has changed, so the mutation has to. */
export class MutationDoesNotApply extends Error {
  readonly code = 'MUTATION_DOES_NOT_APPLY';
}

/** @throws MutationDoesNotApply unless the text occurs exactly once */
export function mutated(source: string, { name, file, search, replacement }: Mutation): string {
  const parts = source.split(search);
  if (parts.length === 2) return parts.join(replacement);
  throw new MutationDoesNotApply(
    `${name}: its text occurs ${parts.length - 1} times in ${file}; correct it in test/simulation/mutations`,
  );
}

/** To be called before anything of the program is imported. */
export function installMutation(mutation: Mutation): void {
  const url = new URL(`../../../${mutation.file}`, import.meta.url).href;
  registerHooks({
    load(loaded, context, nextLoad) {
      const result = nextLoad(loaded, context);
      if (loaded !== url || result.source === undefined || result.source === null) return result;
      return { ...result, source: mutated(Buffer.from(result.source as Uint8Array).toString(), mutation) };
    },
  });
}
