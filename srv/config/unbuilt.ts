/** Settings that are fixed already and do nothing yet. They are refused: one that is silently ignored is worse than none. */
import type { Settings } from './settings.ts';

/** One line for each setting that cannot be honoured yet. */
export function unbuiltSettings({ events }: Settings): readonly string[] {
  const asked: readonly (readonly [boolean, string])[] = [
    [
      events.mappings !== undefined,
      'EVENT_MAPPINGS is set: mapping of foreign events is not built yet; remove it.',
    ],
  ];
  return asked.flatMap(([isAsked, line]) => (isAsked ? [line] : []));
}
