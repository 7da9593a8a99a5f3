/** SAP CAP for the tests of one file, and worlds around it that end with their test. */
import { afterAll, beforeAll } from 'vitest';
import { closedAfterEach } from '../system/closing.ts';
import { startCapServer, type CapServer } from './cap-server.ts';
import { startCapWorld, type CapWorld } from './cap-world.ts';
import type { FaultProxyOptions } from './fault-proxy.ts';

export interface CapForAll {
  /** There from `beforeAll` on. */
  readonly server: CapServer;
  /** Everything but the service around CAP, which is cleared; stopped after the test, with the service. */
  startWorld(proxy?: Omit<FaultProxyOptions, 'target'>): Promise<CapWorld>;
}

/** One CAP for all tests of the file, or of the `describe`, that calls this. */
export function capForAll(): CapForAll {
  let server: CapServer;
  beforeAll(async () => {
    server = await startCapServer();
  });
  afterAll(() => server?.stop());
  const open = closedAfterEach();
  return {
    get server() {
      return server;
    },
    async startWorld(proxy) {
      const world = await startCapWorld(server, proxy);
      open.push(() => world.stop());
      return world;
    },
  };
}
