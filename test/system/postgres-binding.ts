/** A user-provided PostgreSQL service beside the other bindings of an environment. */
import { withService } from './provided-service.ts';

/** @param env with `VCAP_SERVICES` in it */
export function withPostgres(
  env: Readonly<Record<string, string>>,
  credentials: { readonly uri: string },
): Record<string, string> {
  return withService(env, { name: 'journal', tag: 'postgres', credentials });
}
