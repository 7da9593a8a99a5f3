/** The contract suite of the territory API against SAP CAP, in both versions of OData. */
import { systemClock } from '../../srv/platform/clock.ts';
import { createTerritoryApi } from '../../srv/territory-api/index.ts';
import { territoryApiContract } from '../contract/territory-api.contract.ts';
import type { TerritoryApiUnderTest } from '../contract/territory-api.contract.ts';
import { transactionContract } from '../contract/transactions.contract.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { COLLECTION } from '../independent/cap-server.ts';
import { capForAll } from '../independent/cap-tests.ts';
import { startFaultProxy } from '../independent/fault-proxy.ts';
import { writeAs } from '../independent/foreign-writers.ts';

const cap = capForAll();

async function setup(protocol: 'odata-v4' | 'odata-v2', path: string): Promise<TerritoryApiUnderTest> {
  await cap.server.clear();
  const proxy = await startFaultProxy({ target: cap.server.url });
  const destination = { name: 'TERRITORY_API', url: proxy.url, username: 'territory-sync', password: 'none' };
  process.env['destinations'] = JSON.stringify([destination]);
  const api = createTerritoryApi(
    {
      destination: 'TERRITORY_API',
      protocol,
      path,
      key: 'id',
      keyType: 'string',
      timeoutMs: 20_000,
      freshValues: [],
      propagationOff: true,
    },
    { clock: systemClock, log: createRecordingLog() },
  );
  const warmUp = { records: [{ territoryId: 'none', id: 'none' }], fields: ['owner'], pastCache: false };
  // The types are asked for once; what the suite counts comes after.
  await api.read(warmUp, new AbortController().signal);
  const { reads, writes } = proxy.requests;
  let foreign = 0;
  return {
    api,
    behind: {
      seed: (records) =>
        cap.server.seed(
          records.map(({ id, territoryId, fields }) => ({ ...fields, id, territory: territoryId })),
        ),
      async fieldsOf(_, id) {
        return (await cap.server.rows()).get(id);
      },
      async foreignWrite(_, id, fields) {
        for (const [field, value] of Object.entries(fields)) {
          foreign += 1;
          await writeAs(cap.server.url, {
            writer: `foreign-${foreign}`,
            assignment: id,
            field,
            value: String(value),
          });
        }
      },
      failNext() {
        throw new Error('CAP cannot be made to fail');
      },
      commits: async (id) =>
        (await cap.server.commits()).filter(
          ({ assignment, writer }) => assignment === id && writer !== 'seed',
        ).length,
      requestCount: () => proxy.requests.reads + proxy.requests.writes - reads - writes,
    },
    async stop() {
      delete process.env['destinations'];
      await proxy.stop();
    },
  };
}

const options = {
  idempotency: false,
  takenKey: 'failed',
  unknownRecord: 'conflict',
  trouble: 'none',
} as const;

territoryApiContract('odata-v4 on SAP CAP', () => setup('odata-v4', COLLECTION), options);
territoryApiContract(
  'odata-v2 on SAP CAP with the OData V2 adapter',
  () => setup('odata-v2', `/odata/v2${COLLECTION}`),
  options,
);

transactionContract('odata-v4 on SAP CAP', () => setup('odata-v4', COLLECTION), options);
transactionContract(
  'odata-v2 on SAP CAP with the OData V2 adapter',
  () => setup('odata-v2', `/odata/v2${COLLECTION}`),
  { ...options, culprit: 'unnamed' },
);
