/**
 * What a destination is found through on SAP BTP: XSUAA's token endpoint and the destination service's look-up by name, in
 * the form in which SAP Cloud SDK asks for them. Subaccount destinations of one tenant, over plain HTTP.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A destination as the cockpit exports it: `Name`, `Type`, `URL`, `Authentication`, `ProxyType`, additional properties. */
export type DestinationConfiguration = Readonly<Record<string, string>> & { readonly Name: string };

export interface DestinationService {
  /** An entry of `VCAP_SERVICES` under the label `destination`. */
  binding(): object;
  /** Names looked up with a good token, in order. */
  lookups(): readonly string[];
  stop(): Promise<void>;
}

const TENANT = '1b0e4f5c-8a52-4c07-9f0a-6a2f3f1d7c11';
const LOOKUP = '/destination-configuration/v1/destinations/';
const REQUEST_LIMIT_BYTES = 10_000;
const TOKEN_LIFETIME_S = 3600;

interface Answer {
  readonly status: number;
  readonly body: object;
}

/** Starts both on one port of 127.0.0.1. */
export async function startDestinationService(
  destinations: readonly DestinationConfiguration[],
): Promise<DestinationService> {
  const client = { clientid: 'sb-destination-xs-app!b1', clientsecret: randomUUID() };
  const tokens = new Set<string>();
  const lookups: string[] = [];

  async function answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (request.method === 'POST' && url.pathname === '/oauth/token')
      return issueToken(await formOf(request));
    if (request.method !== 'GET' || !url.pathname.startsWith(LOOKUP)) return { status: 404, body: {} };
    if (!tokens.has(request.headers.authorization ?? '')) return { status: 401, body: {} };
    const name = decodeURIComponent(url.pathname.slice(LOOKUP.length));
    lookups.push(name);
    const found = destinations.find(({ Name }) => Name === name);
    if (!found) {
      return { status: 404, body: { ErrorMessage: 'Configuration with the specified name was not found' } };
    }
    return { status: 200, body: described(found, url.searchParams.get('$skipTokenRetrieval') ?? 'false') };
  }

  function issueToken(form: URLSearchParams): Answer {
    if (form.get('grant_type') !== 'client_credentials') {
      return { status: 400, body: { error: 'unsupported_grant_type' } };
    }
    if (form.get('client_id') !== client.clientid || form.get('client_secret') !== client.clientsecret) {
      return { status: 401, body: { error: 'unauthorized', error_description: 'Bad credentials' } };
    }
    const token = unsignedJwt(client.clientid);
    tokens.add(`Bearer ${token}`);
    return {
      status: 200,
      body: { access_token: token, token_type: 'bearer', expires_in: TOKEN_LIFETIME_S },
    };
  }

  const server = createServer((request, response) => {
    void answer(request).then(
      ({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      },
      () => response.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    binding: () => ({
      label: 'destination',
      plan: 'lite',
      name: 'local-destination',
      instance_name: 'local-destination',
      tags: ['destination', 'conn', 'connsvc'],
      credentials: {
        ...client,
        uri: url,
        url,
        identityzone: 'local',
        tenantid: TENANT,
        tenantmode: 'dedicated',
      },
    }),
    lookups: () => lookups,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The answer to a look-up; with credentials in the form of a header, unless the caller makes that itself. */
function described(destination: DestinationConfiguration, skipTokenRetrieval: string): object {
  const { User, Password } = destination;
  const basic = Buffer.from(`${User}:${Password}`).toString('base64');
  return {
    owner: { SubaccountId: TENANT, InstanceId: null },
    destinationConfiguration: destination,
    ...(User !== undefined &&
      skipTokenRetrieval !== 'true' && {
        authTokens: [
          { type: 'Basic', value: basic, http_header: { key: 'Authorization', value: `Basic ${basic}` } },
        ],
      }),
  };
}

/** The SDK reads the tenant from a token and leaves its signature to the service that gets it. */
function unsignedJwt(clientId: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    jti: randomUUID(),
    zid: TENANT,
    cid: clientId,
    exp: Math.floor(Date.now() / 1000) + TOKEN_LIFETIME_S,
  };
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.none`;
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > REQUEST_LIMIT_BYTES) throw new RangeError('the token request is too long');
  }
  return new URLSearchParams(text);
}
