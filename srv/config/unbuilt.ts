/**
 * Settings and bindings that are fixed already and do nothing yet. What would change what is written is refused: a setting
 * that is silently ignored is worse than none. What only adds is named at start.
 */
import type { Bindings } from './bindings.ts';
import type { Settings } from './settings.ts';

/** One line for each setting that cannot be honoured yet. */
export function unbuiltSettings({ territory, events }: Settings): readonly string[] {
  const asked: readonly (readonly [boolean, string])[] = [
    [territory.atomic, 'TERRITORY_ATOMIC is true: transactions are not built yet; set it to false.'],
    [
      events.mappings !== undefined,
      'EVENT_MAPPINGS is set: mapping of foreign events is not built yet; remove it.',
    ],
  ];
  return asked.flatMap(([isAsked, line]) => (isAsked ? [line] : []));
}

/** One line for each bound service that is not used yet. */
export function unusedBindings(bindings: Bindings): readonly string[] {
  const unused = {
    alertNotification: 'alerts go to the log only',
  } as const;
  return (Object.keys(unused) as (keyof typeof unused)[]).flatMap((service) =>
    bindings[service] ? [`The bound service ${bindings[service].name} is not used: ${unused[service]}.`] : [],
  );
}
