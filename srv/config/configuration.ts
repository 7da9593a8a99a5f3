/** Everything that the start needs to know, in the order in which one thing depends on the other. */
import { readApplication } from './application.ts';
import type { Application } from './application.ts';
import { readBindings } from './bindings.ts';
import type { Bindings, ServiceSource } from './bindings.ts';
import { checkDestinationsVariable } from './destinations-variable.ts';
import type { Environment } from './environment.ts';
import { readMeshBinding } from './mesh-binding.ts';
import type { MeshBinding } from './mesh-binding.ts';
import { ConfigurationError } from './problems.ts';
import { readSettings } from './settings.ts';
import type { Settings } from './settings.ts';

/** Holds secrets in `bindings` and `mesh`. */
export interface Configuration {
  readonly application: Application;
  readonly bindings: Bindings;
  readonly mesh: MeshBinding;
  readonly settings: Settings;
  /** Lines that are worth a look and stop nothing. */
  readonly warnings: readonly string[];
}

/**
 * Reads all of it, so that everything that is wrong is said at once.
 * @param env from `readEnvironment`
 * @param source of the bound services; the process's environment unless a test has another
 * @throws ConfigurationError with one line for each problem
 */
export function readConfiguration(env: Environment, source?: ServiceSource): Configuration {
  const problems: string[] = [];
  const attempt = <T>(step: () => T): T | undefined => {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const application = attempt(() => readApplication(env));
  const bindings = attempt(() => readBindings(source));
  const mesh = bindings && attempt(() => readMeshBinding(bindings.mesh));
  const read = attempt(() =>
    readSettings(env, {
      deployed: application?.deployed ?? false,
      // Where it cannot be known, it is not complained about.
      postgres: bindings === undefined || bindings.postgres !== undefined,
      ...(mesh?.namespace !== undefined && { meshNamespace: mesh.namespace }),
      ...(application?.url !== undefined && { applicationUrl: application.url }),
    }),
  );
  attempt(() => checkDestinationsVariable(env));
  if (!application || !bindings || !mesh || !read || problems.length > 0)
    throw new ConfigurationError(problems);
  return { application, bindings, mesh, ...read };
}
