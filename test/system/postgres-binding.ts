/** A user-provided PostgreSQL service beside the other bindings of an environment. */

/** @param env with `VCAP_SERVICES` in it */
export function withPostgres(
  env: Readonly<Record<string, string>>,
  credentials: { readonly uri: string },
): Record<string, string> {
  const bound = JSON.parse(env['VCAP_SERVICES'] ?? '{}') as Record<string, unknown>;
  const provided = {
    name: 'journal',
    instance_name: 'journal',
    label: 'user-provided',
    tags: ['postgres'],
    credentials,
  };
  return { ...env, VCAP_SERVICES: JSON.stringify({ ...bound, 'user-provided': [provided] }) };
}
