/** Additional properties of the destination that win over the environment: the API's shape can travel with its address. */
import type { Destination } from '@sap-cloud-sdk/connectivity';
import { findDestination } from './destination-source.ts';
import { defaultPath, isBelow, isProtocol, serviceRootOf, TerritoryApiSettingsError } from './settings.ts';
import type { TerritoryApiSettings, TerritoryProtocol } from './settings.ts';

export interface DestinationProperties {
  readonly protocol?: TerritoryProtocol;
  readonly path?: string;
  readonly key?: string;
}

/**
 * Looks the destination up and reads `territory.protocol`, `territory.path` and `territory.key`.
 * @throws DestinationError where it cannot be used, TerritoryApiSettingsError for an unknown protocol.
 */
export async function readDestinationProperties(destinationName: string): Promise<DestinationProperties> {
  return propertiesOf(await findDestination(destinationName));
}

/** As `readDestinationProperties`, of a destination at hand. */
export function propertiesOf(destination: Destination): DestinationProperties {
  const original: Readonly<Record<string, unknown>> = destination.originalProperties ?? {};
  // The destination service nests what the environment variable holds flat.
  const nested = original['destinationConfiguration'];
  const source = isRecord(nested) ? nested : original;
  const text = (name: string) => {
    const value = source[name];
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
  };
  const protocol = text('territory.protocol');
  if (protocol !== undefined && !isProtocol(protocol)) {
    throw new TerritoryApiSettingsError(
      `property territory.protocol '${protocol.slice(0, 40)}' of destination ${destination.name ?? ''} is unknown; allowed are rest, odata-v4, odata-v2, sales-cloud`,
    );
  }
  const path = text('territory.path');
  const key = text('territory.key');
  return {
    ...(protocol !== undefined && { protocol }),
    ...(path !== undefined && { path }),
    ...(key !== undefined && { key }),
  };
}

/**
 * The settings with the destination's properties laid over them. Another protocol brings its own default path where none was chosen; a
 * service root that no longer fits is derived anew.
 */
export function withDestinationProperties(
  settings: TerritoryApiSettings,
  properties: DestinationProperties,
): TerritoryApiSettings {
  const { protocol } = properties;
  const isDefault = settings.path === undefined || settings.path === defaultPath(settings.protocol);
  const path = properties.path ?? (protocol !== undefined && isDefault ? defaultPath(protocol) : undefined);
  const merged = { ...settings, ...properties, ...(path !== undefined && { path }) };
  if (path === undefined || settings.serviceRoot === undefined || isBelow(path, settings.serviceRoot))
    return merged;
  return { ...merged, serviceRoot: serviceRootOf(path) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
