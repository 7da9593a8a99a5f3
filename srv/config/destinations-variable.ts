/** The variable `destinations`, which SAP Cloud SDK reads by itself: it takes what it cannot read for no destination at all. */
import type { Environment } from './environment.ts';
import { ConfigurationError } from './problems.ts';

/** @throws ConfigurationError if the variable is set and no JSON array of objects; its text, which may hold a password, is not shown */
export function checkDestinationsVariable({ destinations }: Environment): void {
  if (!destinations || isArrayOfObjects(destinations)) return;
  throw new ConfigurationError([
    'The variable destinations is not a JSON array of destinations: correct it, for example ' +
      '[{"name": "TERRITORY_API", "url": "https://host"}], or remove it.',
  ]);
}

function isArrayOfObjects(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) && value.every((one) => typeof one === 'object' && one !== null);
  } catch {
    return false;
  }
}
