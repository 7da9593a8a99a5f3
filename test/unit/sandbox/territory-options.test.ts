import { describe, expect, it } from 'vitest';
import { setupOf } from '../../sandbox/territory-api/options.ts';

describe('a set-up', () => {
  it('has three nodes that learn after 2 to 5 seconds, and records addressed by id', () => {
    expect(setupOf({})).toMatchObject({
      path: '/territory-api/v1/assignments',
      serviceRoot: '/territory-api/v1',
      addressing: 'id',
      caches: { nodes: 3, minLagMs: 2000, maxLagMs: 5000 },
      showsCacheStatus: 'yes',
      recordsMax: 200,
    });
  });

  it('scales every time of its own', () => {
    const latency = { baseMs: 100, jitterMs: 50, perRecordMs: 2 };
    expect(setupOf({ timeScale: 0.01, latency })).toMatchObject({
      caches: { minLagMs: 20, maxLagMs: 50 },
      latency: { baseMs: 1, jitterMs: 0.5, perRecordMs: 0.02 },
    });
  });

  it('without caches has one node that knows everything and shows no cache status', () => {
    expect(setupOf({ caches: 'off' })).toMatchObject({
      caches: { nodes: 1, minLagMs: 0, maxLagMs: 0 },
      showsCacheStatus: 'no',
    });
  });

  it('addresses by territory and id where the path says so', () => {
    expect(setupOf({ path: '/t/{territoryId}/assignments' })).toMatchObject({
      addressing: 'territory-and-id',
      serviceRoot: '/t/{territoryId}',
    });
  });

  it.each([
    [{ path: 'assignments' }, 'path'],
    [{ path: '/{territoryId}/{territoryId}' }, 'once'],
    [{ timeScale: 0 }, 'timeScale'],
    [{ caches: { nodes: 0 } }, 'nodes'],
    [{ caches: { minLagMs: 9000 } }, 'lag'],
    [{ latency: { baseMs: -1 } }, 'latency'],
  ])('of %j is refused in one line that names the option', (options, option) => {
    expect(() => setupOf(options)).toThrow(option);
  });
});
