/** A user-provided service beside the other bindings of an environment. */

export interface ProvidedService {
  readonly name: string;
  readonly tag: string;
  readonly credentials: Readonly<Record<string, unknown>>;
}

/** @param env with `VCAP_SERVICES` in it */
export function withService(
  env: Readonly<Record<string, string>>,
  { name, tag, credentials }: ProvidedService,
): Record<string, string> {
  const bound = JSON.parse(env['VCAP_SERVICES'] ?? '{}') as Record<string, readonly unknown[]>;
  const provided = { name, instance_name: name, label: 'user-provided', tags: [tag], credentials };
  const all = { ...bound, 'user-provided': [...(bound['user-provided'] ?? []), provided] };
  return { ...env, VCAP_SERVICES: JSON.stringify(all) };
}
