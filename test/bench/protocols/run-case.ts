/** One run: changes lie in the queue, the service is started on one protocol, and every request that it makes anywhere is counted. */
import { startDestinationService } from '../../system/destination-service.ts';
import { setField } from '../../system/published-change.ts';
import { startService } from '../../system/service-process.ts';
import { startTokenServer } from '../../system/token-server.ts';
import { startWorld } from '../../system/world.ts';
import { countKinds } from './request-kinds.ts';
import type { RequestKind } from './request-kinds.ts';

export interface Case {
  readonly name: string;
  readonly changes: number;
  readonly territories: number;
  readonly recordsPerTerritory: number;
}

export interface Counts extends Readonly<Record<RequestKind, number>> {
  /** Look-ups at the destination service, and tokens fetched for them. */
  readonly lookup: number;
  readonly token: number;
  readonly applied: number;
}

/** Caches a hundredth as late as the API's, so that lanes rest as they do there without the waits. */
const TIME_SCALE = 0.01;
const LIMIT_MS = 120_000;

export async function runCase(
  protocol: string,
  { changes, territories, recordsPerTerritory }: Case,
): Promise<Counts> {
  const world = await startWorld({
    api: { timeScale: TIME_SCALE, ...(protocol === 'odata-v2' && { odata: 'v2' }) },
  });
  const tokens = await startTokenServer();
  const destinations = await startDestinationService(
    [
      {
        Name: 'TERRITORY_API',
        Type: 'HTTP',
        URL: world.api.url,
        ProxyType: 'Internet',
        Authentication: 'BasicAuthentication',
        User: 'SYNC',
        Password: 'none',
      },
    ],
    { tokens },
  );
  const records = Array.from({ length: territories * recordsPerTerritory }, (_, index) => ({
    territoryId: `TER-${index % territories}`,
    id: `A-${index}`,
    fields: { owner: 'nobody' },
  }));
  world.api.seedRecords(records);
  for (let index = 0; index < changes; index += 1) {
    const { territoryId = '', id = '' } = records[index % records.length] ?? {};
    world.publish(setField(`change-${index}`, territoryId, id, 'owner', `E${index}`));
  }
  const { destinations: _, ...env } = world.env({
    TERRITORY_PROTOCOL: protocol,
    // The simulator has its records of OData below one path in either version.
    ...(protocol === 'odata-v2' && { TERRITORY_PATH: '/territory-api/v1/assignments' }),
    PROPAGATION_MIN_MS: String(2_000 * TIME_SCALE),
    PROPAGATION_MAX_MS: String(5_000 * TIME_SCALE),
    RETRY_FIRST_DELAY_MS: '20',
    RETRY_MAX_DELAY_MS: '320',
  });
  const bindings = JSON.parse(env['VCAP_SERVICES'] ?? '{}') as Readonly<Record<string, unknown>>;
  const VCAP_SERVICES = JSON.stringify({ ...bindings, destination: [destinations.binding()] });
  const service = await startService({ ...env, VCAP_SERVICES });
  try {
    await world.untilEnded(changes, LIMIT_MS);
    const ended = world.outcomes().map(({ data }) => data.outcome);
    return {
      ...countKinds(world.api.requests()),
      lookup: destinations.lookups().length,
      token: tokens.issued.length,
      applied: ended.filter((outcome) => outcome !== 'failed').length,
    };
  } finally {
    await service.kill();
    await world.stop();
    await destinations.stop();
    await tokens.stop();
  }
}
