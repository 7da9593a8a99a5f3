/**
 * The territory API behind a destination whose properties may say what it is (`territory.protocol`, `.path`, `.key`).
 * They are looked up on first use, and again until that succeeds: a destination service that is down delays, it does
 * not keep the program from starting.
 */
import {
  DestinationError,
  createTerritoryApi,
  readDestinationProperties,
  withDestinationProperties,
} from './index.ts';
import type { TerritoryApiDependencies } from './index.ts';
import type { ApiTrouble, TerritoryApi } from './port.ts';
import { TerritoryApiSettingsError, type TerritoryApiSettings } from './settings.ts';

/**
 * @throws TerritoryApiSettingsError where the settings alone cannot work; what only the destination's properties make
 * wrong becomes trouble of reason `destination`, since they can be corrected while the program runs.
 */
export function createLateTerritoryApi(
  settings: TerritoryApiSettings,
  deps: TerritoryApiDependencies,
): TerritoryApi {
  createTerritoryApi(settings, deps);
  let bound: TerritoryApi | undefined;

  const bind = async (): Promise<TerritoryApi | ApiTrouble> => {
    if (bound) return bound;
    try {
      const properties = await readDestinationProperties(settings.destination);
      bound = createTerritoryApi(withDestinationProperties(settings, properties), deps);
      return bound;
    } catch (error) {
      if (!(error instanceof DestinationError || error instanceof TerritoryApiSettingsError)) throw error;
      return { reason: 'destination', message: error.message };
    }
  };

  return {
    async read(request, signal) {
      const api = await bind();
      return 'reason' in api ? { kind: 'trouble', trouble: api } : api.read(request, signal);
    },
    async write(requests, signal) {
      const api = await bind();
      return 'reason' in api ? { kind: 'trouble', trouble: api, sent: false } : api.write(requests, signal);
    },
    async probe(signal) {
      const api = await bind();
      return 'reason' in api ? api : api.probe(signal);
    },
  };
}
