/** An adapter on a small server: what it sends can be looked at word for word. */
import { systemClock } from '../../../srv/platform/clock.ts';
import { createTerritoryApi } from '../../../srv/territory-api/index.ts';
import type { RequestObserved, TerritoryApiSettings } from '../../../srv/territory-api/index.ts';
import type { TerritoryApi, WriteRequest } from '../../../srv/territory-api/port.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';
import type { RecordingLog } from '../../doubles/recording-log.ts';
import { clearDestinations, setDestination, startSmallServer } from './small-server.ts';
import type { Answering, SmallServer } from './small-server.ts';

export interface ApiUnderTest {
  readonly api: TerritoryApi;
  readonly server: SmallServer;
  readonly log: RecordingLog;
  readonly observed: readonly RequestObserved[];
  stop(): Promise<void>;
}

export const NEVER = new AbortController().signal;

export async function startApiUnderTest(
  settings: Partial<TerritoryApiSettings>,
  answer: Answering,
): Promise<ApiUnderTest> {
  const server = await startSmallServer(answer);
  setDestination({ name: 'TERRITORY_API', url: server.url, username: 'user', password: 'pass-one' });
  const log = createRecordingLog();
  const observed: RequestObserved[] = [];
  const api = createTerritoryApi(
    {
      destination: 'TERRITORY_API',
      protocol: 'rest',
      key: 'id',
      keyType: 'string',
      fieldTypes: {},
      timeoutMs: 5_000,
      freshValues: ['MISS', 'BYPASS'],
      propagationOff: false,
      ...settings,
    },
    { clock: systemClock, log, onRequest: (request) => observed.push(request) },
  );
  return {
    api,
    server,
    log,
    observed,
    async stop() {
      clearDestinations();
      await server.stop();
    },
  };
}

export const ref = (id: string, territoryId = 'EMEA') => ({ territoryId, id });

/** A read of the owners of these records. */
export const read = (...ids: readonly string[]) => ({
  records: ids.map((id) => ref(id)),
  fields: ['owner'],
  pastCache: false,
});

/** The `$filter` of a request's URL, decoded. */
export const filterOf = (url: string) => decodeURIComponent(/[?&]\$filter=([^&]*)/.exec(url)?.[1] ?? '');

export function update(id: string, more: Partial<WriteRequest> = {}): WriteRequest {
  return {
    territoryId: 'EMEA',
    id,
    operation: 'update',
    ifMatch: 'W/"1"',
    fields: { owner: 'E1008' },
    idempotencyKey: `key-of-${id}`,
    ...more,
  };
}

export function create(id: string): WriteRequest {
  const { ifMatch: _, ...rest } = update(id, { operation: 'create' });
  return rest;
}
