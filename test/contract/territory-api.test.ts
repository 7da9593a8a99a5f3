/** The contract suite for each protocol, over HTTP against the simulator; and what its late caches add. */
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../srv/platform/clock.ts';
import { createTerritoryApi } from '../../srv/territory-api/index.ts';
import type { TerritoryApiSettings } from '../../srv/territory-api/index.ts';
import { startTerritoryApi } from '../sandbox/territory-api/index.ts';
import type { Fault, SandboxTerritoryApi, TerritoryApiOptions } from '../sandbox/territory-api/index.ts';
import { territoryApiContract } from './territory-api.contract.ts';
import type { ApiBehind, NextFault, TerritoryApiUnderTest } from './territory-api.contract.ts';
import { transactionContract } from './transactions.contract.ts';
import { silent } from '../doubles/silent-log.ts';

const NEVER = new AbortController().signal;

function adapter(sandbox: SandboxTerritoryApi, settings: Partial<TerritoryApiSettings>) {
  process.env['destinations'] = JSON.stringify([sandbox.destination('TERRITORY_API')]);
  return createTerritoryApi(
    {
      destination: 'TERRITORY_API',
      protocol: 'rest',
      key: 'id',
      keyType: 'string',
      fieldTypes: {},
      timeoutMs: 5_000,
      freshValues: ['MISS', 'BYPASS', 'REFRESH', 'REVALIDATED'],
      propagationOff: false,
      ...settings,
    },
    { clock: systemClock, log: silent },
  );
}

function faultOf(fault: NextFault): Fault {
  switch (fault.kind) {
    case 'status':
      return {
        kind: 'status',
        status: fault.status,
        ...(fault.retryAfterS !== undefined && { retryAfter: fault.retryAfterS }),
      };
    case 'lost-answer':
      return { kind: 'no-answer', how: 'destroy', effect: 'written' };
    case 'broken':
      return { kind: 'no-answer', how: 'destroy', effect: 'not-written' };
    case 'html':
    case 'redirect':
    case 'truncated':
      return { kind: fault.kind };
    case 'slow':
      return { kind: 'slow', delayMs: fault.delayMs };
    case 'record-missing':
      return { kind: 'record-missing', records: (id) => id === fault.id };
    case 'record-status':
      return {
        kind: 'record-status',
        status: fault.status,
        records: (id) => id === fault.id,
        ...(fault.message !== undefined && { message: fault.message }),
      };
  }
}

function behindOf(sandbox: SandboxTerritoryApi): ApiBehind {
  return {
    seed: (records) => sandbox.seedRecords(records),
    fieldsOf: (territoryId, id) => sandbox.record(territoryId, id)?.fields,
    foreignWrite: (territoryId, id, fields) => void sandbox.foreignWrite(territoryId, id, fields),
    failNext: (on, fault) => void sandbox.faults.inject({ ...faultOf(fault), on, times: 1 }),
    commits: (id) => sandbox.history().filter(({ recordId }) => recordId === id).length,
    requestCount: () => sandbox.requests().length,
  };
}

async function setup(
  settings: Partial<TerritoryApiSettings>,
  options: TerritoryApiOptions = {},
): Promise<TerritoryApiUnderTest & { readonly sandbox: SandboxTerritoryApi }> {
  const own = settings.protocol === 'odata-v2' ? { odata: 'v2' as const, ...C4C } : {};
  const sandbox = await startTerritoryApi({ caches: 'off', ...own, ...options });
  return {
    sandbox,
    api: adapter(sandbox, settings),
    behind: behindOf(sandbox),
    async stop() {
      delete process.env['destinations'];
      await sandbox.stop();
    },
  };
}

/** Where SAP Cloud for Customer has the team of a territory. */
const C4C = {
  path: "/sap/c4c/odata/v1/c4codataapi/SalesTerritoryCollection('{territoryId}')/SalesTerritoryTeam",
  serviceRoot: '/sap/c4c/odata/v1/c4codataapi',
};

const SALES_CLOUD_PER_TERRITORY =
  '/sap/c4c/api/v1/sales-territory-service/salesTerritories/{territoryId}/members';

/** The default paths are those of the SAP systems that speak the protocol. */
const PROTOCOLS = [
  {
    protocol: 'rest',
    requests: 'many-records',
    perTerritory: '/api/territories/{territoryId}/assignments',
  },
  {
    protocol: 'odata-v4',
    requests: 'many-records',
    perTerritory: '/api/territories/{territoryId}/assignments',
  },
  {
    protocol: 'odata-v2',
    requests: 'many-records',
    perTerritory: '/api/territories/{territoryId}/assignments',
  },
  {
    protocol: 'sales-cloud',
    requests: 'one-record',
    perTerritory: SALES_CLOUD_PER_TERRITORY,
  },
] as const;

for (const { protocol, requests, perTerritory } of PROTOCOLS) {
  territoryApiContract(protocol, () => setup({ protocol }), { requests });
  territoryApiContract(
    `${protocol} without idempotency keys`,
    () => setup({ protocol }, { idempotency: 'off' }),
    { idempotency: false, requests },
  );
  territoryApiContract(
    `${protocol} with a collection per territory`,
    () =>
      setup(
        { protocol, path: perTerritory },
        {
          path: '/api/territories/{territoryId}/assignments',
          serviceRoot: '/api/territories/{territoryId}',
          salesCloudPath: SALES_CLOUD_PER_TERRITORY,
        },
      ),
    { requests },
  );

  if (protocol.startsWith('odata')) {
    transactionContract(protocol, () => setup({ protocol }));
    transactionContract(`${protocol} without idempotency keys`, () =>
      setup({ protocol }, { idempotency: 'off' }),
    );
  }

  describe(`late caches: ${protocol}`, () => {
    let under: Awaited<ReturnType<typeof setup>> | undefined;
    afterEach(() => under?.stop());
    const records = [{ territoryId: 'EMEA', id: 'T1' }];
    const cached = { records, fields: ['owner'], pastCache: false };

    it('a read from a late cache is no proof; past the caches it is', async () => {
      under = await setup({ protocol }, { caches: { nodes: 2 } });
      const { sandbox, api } = under;
      sandbox.seedRecords([{ territoryId: 'EMEA', id: 'T1', fields: { owner: 'E1' } }]);
      sandbox.routeTo(0);
      await api.read(cached, NEVER);
      expect(await api.read(cached, NEVER)).toMatchObject({ proof: false, cacheStatus: ['HIT'] });
      expect(await api.read({ ...cached, pastCache: true }, NEVER)).toMatchObject({
        proof: true,
        cacheStatus: ['BYPASS'],
      });
    });

    it('where propagation is switched off every read is proof', async () => {
      under = await setup({ protocol, propagationOff: true });
      under.sandbox.seedRecords([{ territoryId: 'EMEA', id: 'T1', fields: { owner: 'E1' } }]);
      expect(await under.api.read(cached, NEVER)).toMatchObject({ proof: true, cacheStatus: [] });
    });

    it('a node that lags refuses the right ETag: a conflict, and nothing is written', async () => {
      under = await setup({ protocol }, { caches: { nodes: 2 } });
      const { sandbox, api } = under;
      sandbox.seedRecords([{ territoryId: 'EMEA', id: 'T1', fields: { owner: 'E1' } }]);
      const write = (ifMatch: string, owner: string) =>
        api.write(
          [
            {
              territoryId: 'EMEA',
              id: 'T1',
              operation: 'update',
              ifMatch,
              fields: { owner },
              idempotencyKey: owner,
            },
          ],
          NEVER,
        );
      const newestEtag = async () => {
        const read = await api.read({ ...cached, pastCache: true }, NEVER);
        const state = read.kind === 'read' ? read.records[0] : undefined;
        return state?.found ? state.etag : '';
      };
      sandbox.routeTo(0);
      const first = await write(await newestEtag(), 'E2');
      expect(first).toMatchObject({ records: [{ kind: 'done' }] });
      sandbox.routeTo(1);
      const second = await write(await newestEtag(), 'E3');
      expect(second).toMatchObject({ records: [{ kind: 'conflict', status: 409, code: 'STALE_NODE' }] });
      expect(sandbox.record('EMEA', 'T1')?.fields).toMatchObject({ owner: 'E2' });
    });
  });
}
