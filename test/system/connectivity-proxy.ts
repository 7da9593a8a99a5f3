/**
 * The connectivity service's HTTP proxy with a Cloud Connector behind it: takes requests in absolute form, asks for a token of its own,
 * and knows virtual hosts only.
 */
import { randomUUID } from 'node:crypto';
import { request as forward } from 'node:http';
import { startLocalServer } from './local-server.ts';
import { TENANT } from './token-server.ts';
import type { TokenServer } from './token-server.ts';

/** A request as it came to the proxy. */
export interface Proxied {
  readonly target: string;
  readonly locationId: string | undefined;
  readonly authorized: boolean;
}

export interface ConnectivityProxy {
  /** An entry of `VCAP_SERVICES` under the label `connectivity`. */
  binding(): object;
  readonly proxied: readonly Proxied[];
  connections(): number;
  stop(): Promise<void>;
}

/** @param hosts where each virtual host, `name:port`, leads to */
export async function startConnectivityProxy(
  tokens: TokenServer,
  hosts: ReadonlyMap<string, string>,
): Promise<ConnectivityProxy> {
  const clientid = `sb-connectivity-${randomUUID()}!b1`;
  const clientsecret = randomUUID();
  tokens.clients.set(clientid, { secret: clientsecret });
  const proxied: Proxied[] = [];

  const server = await startLocalServer((request, response) => {
    const { 'proxy-authorization': authorization, ...headers } = request.headers;
    const authorized = tokens.accepts(authorization);
    const locationId = headers['sap-connectivity-scc-location_id'];
    const target = request.url ?? '';
    proxied.push({ target, authorized, locationId: typeof locationId === 'string' ? locationId : undefined });
    if (!authorized) {
      response.writeHead(407).end();
      return;
    }
    const url = URL.canParse(target) ? new URL(target) : undefined;
    const real = url && hosts.get(url.host);
    if (url === undefined || real === undefined) {
      response.writeHead(503, { 'content-type': 'text/plain' }).end('There is no SAP Cloud Connector for it');
      return;
    }
    const onward = forward(
      `${real}${url.pathname}${url.search}`,
      { method: request.method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });

  return {
    binding: () => ({
      label: 'connectivity',
      plan: 'lite',
      name: 'local-connectivity',
      instance_name: 'local-connectivity',
      tags: ['connectivity', 'conn', 'connsvc'],
      credentials: {
        clientid,
        clientsecret,
        url: tokens.url,
        onpremise_proxy_host: '127.0.0.1',
        onpremise_proxy_port: String(server.port),
        onpremise_proxy_http_port: String(server.port),
        tenantid: TENANT,
      },
    }),
    proxied,
    connections: () => server.connections(),
    stop: () => server.stop(),
  };
}
