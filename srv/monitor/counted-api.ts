/** What the territory API's answers say of its caches is counted where every answer passes. */
import type { TerritoryApi } from '../territory-api/port.ts';
import type { Measurements } from './measured.ts';

/** The same API, which also tells what its reads said of the cache. */
export function countedApi(api: TerritoryApi, measurements: Pick<Measurements, 'cacheStatus'>): TerritoryApi {
  return {
    async read(request, signal) {
      const answer = await api.read(request, signal);
      if (answer.kind === 'read') for (const value of answer.cacheStatus) measurements.cacheStatus(value);
      return answer;
    },
    write: (requests, signal) => api.write(requests, signal),
    probe: (signal) => api.probe(signal),
  };
}
