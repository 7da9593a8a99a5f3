/**
 * The territory API behind a destination whose properties may say what it is (`territory.protocol`, `.path`, `.key`).
 * They are looked at whenever the destination is asked for anew: a destination service that is down delays, it does not keep the
 * program from starting; and an edit in the cockpit takes effect without a restart.
 */
import { startDeadline } from './deadline.ts';
import { propertiesOf } from './destination-properties.ts';
import { createDestinationSource, unansweredLookUp } from './destination-source.ts';
import { DestinationError, createTerritoryApi, withDestinationProperties } from './index.ts';
import type { TerritoryApiDependencies } from './index.ts';
import type { ApiTrouble, TerritoryApi } from './port.ts';
import { TerritoryApiSettingsError, type TerritoryApiSettings } from './settings.ts';

export interface LateTerritoryApi extends TerritoryApi {
  /** Asks for the destination only, never the API; undefined when it can be used. Never rejects but for a defect of the program. */
  lookUp(signal: AbortSignal): Promise<ApiTrouble | undefined>;
}

/**
 * @throws TerritoryApiSettingsError where the settings alone cannot work; what only the destination's properties make
 * wrong becomes trouble of reason `destination`, since they can be corrected while the program runs.
 */
export function createLateTerritoryApi(
  settings: TerritoryApiSettings,
  deps: TerritoryApiDependencies,
): LateTerritoryApi {
  const unbound = createTerritoryApi(settings, deps);
  const { clock, log } = deps;
  const source = createDestinationSource({ destinationName: settings.destination, clock, log });
  let bound: { readonly api: TerritoryApi; readonly as: string } | undefined;

  function bindTo(destination: Parameters<typeof propertiesOf>[0]): TerritoryApi {
    const properties = propertiesOf(destination);
    const as = JSON.stringify(properties);
    if (bound?.as === as) return bound.api;
    const merged = withDestinationProperties(settings, properties);
    const api = createTerritoryApi(merged, { ...deps, source });
    if (bound !== undefined) {
      const { protocol, path, key } = merged;
      log.info('the destination was edited; the territory API is spoken to anew', { protocol, path, key });
    }
    bound = { api, as };
    return api;
  }

  async function bind(signal: AbortSignal): Promise<TerritoryApi | ApiTrouble> {
    const deadline = startDeadline(clock, settings.timeoutMs, signal);
    try {
      const destination = await deadline.race(source.get());
      if (destination !== undefined) return bindTo(destination);
      return unansweredLookUp(source, deadline, settings.destination);
    } catch (error) {
      if (!(error instanceof DestinationError || error instanceof TerritoryApiSettingsError)) throw error;
      return { reason: 'destination', message: error.message };
    } finally {
      deadline.release();
    }
  }

  return {
    get perRequest() {
      return (bound?.api ?? unbound).perRequest;
    },
    async read(request, signal) {
      const api = await bind(signal);
      return 'reason' in api ? { kind: 'trouble', trouble: api } : api.read(request, signal);
    },
    async write(requests, signal) {
      const api = await bind(signal);
      return 'reason' in api ? { kind: 'trouble', trouble: api, sent: false } : api.write(requests, signal);
    },
    async probe(signal) {
      const api = await bind(signal);
      return 'reason' in api ? api : api.probe(signal);
    },
    async lookUp(signal) {
      const api = await bind(signal);
      return 'reason' in api ? api : undefined;
    },
  };
}
