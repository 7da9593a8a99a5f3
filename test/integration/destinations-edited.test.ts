/** What of a destination changes while the program runs, and how its answers come: over the Cloud SDK's own way from `VCAP_SERVICES`. */
import { afterEach, describe, expect, it } from 'vitest';
import { closedAfterEach } from '../system/closing.ts';
import { startApiServer, startStage } from './destinations-stage.ts';
import type { Stage, StageOptions } from './destinations-stage.ts';

const FIVE_MINUTES_MS = 5 * 60_000;

const closing = closedAfterEach();
let stage: Stage;
afterEach(() => stage.stop());

async function open(options: StageOptions = {}): Promise<Stage> {
  stage = await startStage(options);
  return stage;
}

describe('an edit of the destination while running', () => {
  it('of its URL takes effect within five minutes', async () => {
    const { put, probe, apiServer, pass } = await open();
    const other = await startApiServer();
    closing.push(() => other.stop());
    put({ Authentication: 'NoAuthentication' });
    await probe();
    put({ Authentication: 'NoAuthentication', URL: other.url });
    await probe();
    expect([apiServer.reached.length, other.reached.length]).toEqual([2, 0]);
    pass(FIVE_MINUTES_MS);
    await probe();
    expect([apiServer.reached.length, other.reached.length]).toEqual([2, 1]);
  });

  it('of protocol, path and key takes effect likewise, and is logged', async () => {
    const { put, probe, apiServer, pass, log, api } = await open();
    put({ Authentication: 'NoAuthentication', 'territory.protocol': 'odata-v4', 'territory.key': 'ID' });
    await probe();
    put({ Authentication: 'NoAuthentication', 'territory.protocol': 'sales-cloud' });
    pass(FIVE_MINUTES_MS);
    await probe();
    put({
      Authentication: 'NoAuthentication',
      'territory.protocol': 'sales-cloud',
      'territory.path': '/own/{territoryId}/members',
    });
    pass(FIVE_MINUTES_MS);
    const records = [{ territoryId: 'EMEA', id: 'T1' }];
    await api.read({ records, fields: [], pastCache: false }, new AbortController().signal);
    expect(apiServer.reached.map(({ url }) => url.slice(0, 60))).toEqual([
      expect.stringMatching(/^\/territory-api\/v1\/assignments\?\$filter=ID%20in/) as string,
      // The default path of the protocol that the destination names, not of the one that the settings do.
      '/sap/c4c/api/v1/sales-territory-service/salesTerritories?$to',
      '/own/EMEA/members/T1',
    ]);
    expect(log.lines.filter(({ level }) => level === 'info')).toHaveLength(2);
  });

  it('to a protocol that is unknown is trouble naming what is allowed, until it is corrected', async () => {
    const { put, probe, pass } = await open();
    put({ Authentication: 'NoAuthentication', 'territory.protocol': 'soap' });
    expect((await probe())?.message).toContain(
      "territory.protocol 'soap' of destination TERRITORY_API is unknown",
    );
    put({ Authentication: 'NoAuthentication' });
    pass(FIVE_MINUTES_MS);
    expect(await probe()).toBeUndefined();
  });
});

describe('transactions', () => {
  it('are not given up because the destination names a protocol that has none: it is trouble, and nothing is sent', async () => {
    const { put, probe, apiServer } = await open({ settings: { protocol: 'odata-v4', atomic: true } });
    put({ Authentication: 'NoAuthentication', 'territory.protocol': 'rest' });
    expect(await probe()).toMatchObject({
      reason: 'destination',
      message: expect.stringContaining('TERRITORY_ATOMIC is true and the protocol is rest'),
    });
    expect(apiServer.reached).toEqual([]);
  });
});

describe('compression', () => {
  it('is asked for where the ETag is in the body, and the answer is read decompressed', async () => {
    const { put, api, apiServer } = await open();
    put({ Authentication: 'NoAuthentication' });
    apiServer.body = JSON.stringify({ value: [{ id: 'T1', etag: '"1"', owner: 'E1' }] });
    const records = [{ territoryId: 'EMEA', id: 'T1' }];
    expect(
      await api.read({ records, fields: ['owner'], pastCache: false }, new AbortController().signal),
    ).toMatchObject({ records: [{ found: true, etag: '"1"', fields: { owner: 'E1' } }] });
    expect(apiServer.reached[0]?.headers['accept-encoding']).toBe('gzip');
  });

  it('hides no answer that is too large: the bound holds for what it decompresses to', async () => {
    const { put, probe, apiServer } = await open();
    put({ Authentication: 'NoAuthentication' });
    // Some 17 kB on the wire.
    apiServer.body = JSON.stringify({ value: [], padding: ' '.repeat(17 * 1024 * 1024) });
    expect(await probe()).toMatchObject({
      reason: 'not-an-answer',
      message: expect.stringContaining('larger'),
    });
  });
});
