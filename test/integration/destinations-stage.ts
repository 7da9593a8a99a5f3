/**
 * Everything between the service and its territory API on SAP BTP, on 127.0.0.1: destination service, token server, connectivity proxy, and
 * an API that tells what reached it. The Cloud SDK finds them in `VCAP_SERVICES`, as it does when deployed.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { ServerOptions } from 'node:https';
import { gzipSync } from 'node:zlib';
import { systemClock } from '../../srv/platform/clock.ts';
import type { Clock } from '../../srv/platform/clock.ts';
import { createLateTerritoryApi } from '../../srv/territory-api/late-binding.ts';
import type { ApiTrouble, TerritoryApi } from '../../srv/territory-api/port.ts';
import type { TerritoryApiSettings } from '../../srv/territory-api/settings.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import type { RecordingLog } from '../doubles/recording-log.ts';
import { startConnectivityProxy } from '../system/connectivity-proxy.ts';
import type { ConnectivityProxy } from '../system/connectivity-proxy.ts';
import { startDestinationService } from '../system/destination-service.ts';
import type {
  DestinationConfiguration,
  DestinationService,
  DestinationServiceOptions,
} from '../system/destination-service.ts';
import { bodyOf, clientName, startLocalServer } from '../system/local-server.ts';
import { startTokenServer } from '../system/token-server.ts';
import type { TokenServer } from '../system/token-server.ts';

/** A request as it reached the API. */
export interface Reached {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Common name of the client's certificate. */
  readonly certificate: string | undefined;
}

export interface ApiServer {
  readonly url: string;
  readonly reached: readonly Reached[];
  /** Who may come in; others get 401. */
  admits: (request: IncomingMessage) => boolean;
  /** The body of answers to reads. */
  body: string;
  connections(): number;
  stop(): Promise<void>;
}

export async function startApiServer(tls?: ServerOptions): Promise<ApiServer> {
  const reached: Reached[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    await bodyOf(request);
    const { method = '', url = '', headers } = request;
    reached.push({ method, url, headers, certificate: clientName(request) });
    const status = self.admits(request) ? 200 : 401;
    const gzip = headers['accept-encoding'] === 'gzip';
    const text = status === 200 ? self.body : '{}';
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(gzip && { 'content-encoding': 'gzip' }),
    });
    response.end(gzip ? gzipSync(text) : text);
  };
  const server = await startLocalServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  }, tls);
  const self: ApiServer = {
    url: server.url,
    reached,
    admits: () => true,
    body: '{"value":[]}',
    connections: () => server.connections(),
    stop: () => server.stop(),
  };
  return self;
}

export interface Stage {
  readonly tokens: TokenServer;
  readonly destinations: DestinationService;
  readonly apiServer: ApiServer;
  readonly proxy: ConnectivityProxy;
  readonly api: TerritoryApi;
  readonly log: RecordingLog;
  /** The destination of the API, with these properties besides name, type and URL. */
  readonly put: (properties: Readonly<Record<string, string>>) => void;
  /** Lets this time pass for the program. */
  readonly pass: (ms: number) => void;
  readonly probe: () => Promise<ApiTrouble | undefined>;
  stop(): Promise<void>;
}

export interface StageOptions {
  readonly apiTls?: ServerOptions;
  readonly settings?: Partial<TerritoryApiSettings>;
  /** Another token server than a plain one known by a secret, and the credentials that it wants. */
  readonly tokens?: TokenServer;
  readonly client?: DestinationServiceOptions['client'];
}

/** The host that only the Cloud Connector knows. */
export const VIRTUAL_HOST = 's4hana.internal:443';

export async function startStage(options: StageOptions = {}): Promise<Stage> {
  const tokens = options.tokens ?? (await startTokenServer());
  const destinations = await startDestinationService([], {
    tokens,
    ...(options.client !== undefined && { client: options.client }),
  });
  const apiServer = await startApiServer(options.apiTls);
  const proxy = await startConnectivityProxy(tokens, new Map([[VIRTUAL_HOST, apiServer.url]]));
  process.env['VCAP_SERVICES'] = JSON.stringify({
    destination: [destinations.binding()],
    connectivity: [proxy.binding()],
  });
  let passedMs = 0;
  const clock: Clock = {
    ...systemClock,
    now: () => systemClock.now() + passedMs,
    monotonicMs: () => systemClock.monotonicMs() + passedMs,
    after: (delayMs, action) => systemClock.after(delayMs, action),
  };
  const log = createRecordingLog();
  const api = createLateTerritoryApi(
    {
      destination: 'TERRITORY_API',
      protocol: 'rest',
      key: 'id',
      keyType: 'string',
      timeoutMs: 5_000,
      freshValues: ['MISS'],
      propagationOff: true,
      ...options.settings,
    },
    { clock, log },
  );
  return {
    tokens,
    destinations,
    apiServer,
    proxy,
    api,
    log,
    put(properties) {
      const destination: DestinationConfiguration = {
        Name: 'TERRITORY_API',
        Type: 'HTTP',
        URL: apiServer.url,
        ProxyType: 'Internet',
        ...properties,
      };
      destinations.put(destination);
    },
    pass: (ms) => void (passedMs += ms),
    probe: () => api.probe(new AbortController().signal),
    async stop() {
      delete process.env['VCAP_SERVICES'];
      await Promise.all([destinations.stop(), apiServer.stop(), proxy.stop(), tokens.stop()]);
    },
  };
}
