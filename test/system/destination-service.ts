/**
 * What a destination is found through on SAP BTP: the destination service's look-up by name, in the form in which SAP Cloud SDK asks for
 * it, with the token server that it trusts. Subaccount destinations and certificates of one tenant. As the real one it fetches the
 * token of an OAuth2ClientCredentials destination itself, from the destination's own token service.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { startLocalServer } from './local-server.ts';
import { startTokenServer, TENANT } from './token-server.ts';
import type { TokenServer } from './token-server.ts';

/** A destination as the cockpit exports it: `Name`, `Type`, `URL`, `Authentication`, `ProxyType`, additional properties. */
export type DestinationConfiguration = Readonly<Record<string, string>> & { readonly Name: string };

/** A key or trust store uploaded to the subaccount, for example `client.pem`. */
export interface StoredCertificate {
  readonly name: string;
  readonly pem: string;
}

export interface DestinationService {
  /** An entry of `VCAP_SERVICES` under the label `destination`. */
  binding(): object;
  /** Adds a destination, or edits it. */
  put(destination: DestinationConfiguration): void;
  remove(name: string): void;
  store(certificate: StoredCertificate): void;
  /** What happens to the next look-ups. */
  mode: 'up' | 'down' | 'silent';
  /** Names looked up with a good token, in order; one resolution may take two look-ups. */
  lookups(): readonly string[];
  stop(): Promise<void>;
}

const API = '/destination-configuration/v1/';

interface Answer {
  readonly status: number;
  readonly body: object;
}

export interface DestinationServiceOptions {
  /** Issues the tokens for the service itself; by default one of its own, known by a secret. */
  readonly tokens?: TokenServer;
  /** How the application shows itself to that token server: credentials of the binding, besides `clientid`. */
  readonly client?: { readonly id: string; readonly credentials: Readonly<Record<string, string>> };
}

/** Starts it on a port of 127.0.0.1. */
export async function startDestinationService(
  destinations: readonly DestinationConfiguration[],
  options: DestinationServiceOptions = {},
): Promise<DestinationService> {
  const tokens = options.tokens ?? (await startTokenServer());
  const client = options.client ?? ownClient(tokens);
  const known = new Map(destinations.map((one) => [one.Name, one]));
  const certificates = new Map<string, StoredCertificate>();
  const lookups: string[] = [];

  async function answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (request.method !== 'GET' || !url.pathname.startsWith(API)) return { status: 404, body: {} };
    if (!tokens.accepts(request.headers.authorization)) return { status: 401, body: {} };
    const [kind, name = ''] = url.pathname.slice(API.length).split('/').map(decodeURIComponent);
    if (kind === 'subaccountCertificates') {
      const stored = certificates.get(name);
      return stored ? { status: 200, body: certificateBody(stored) } : { status: 404, body: {} };
    }
    lookups.push(name);
    const found = known.get(name);
    if (!found) {
      return { status: 404, body: { ErrorMessage: 'Configuration with the specified name was not found' } };
    }
    const withTokens = url.searchParams.get('$skipTokenRetrieval') !== 'true';
    const body = {
      owner: { SubaccountId: TENANT, InstanceId: null },
      destinationConfiguration: found,
      ...(withTokens && { authTokens: await authTokensOf(found) }),
      ...(withTokens && { certificates: keyStoreOf(found, certificates) }),
    };
    return { status: 200, body };
  }

  const server = await startLocalServer((request, response) => {
    if (self.mode === 'silent') return;
    if (self.mode === 'down') {
      response.writeHead(503).end();
      return;
    }
    void answer(request).then(
      ({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      },
      () => response.destroy(),
    );
  });

  const self: DestinationService = {
    binding: () => ({
      label: 'destination',
      plan: 'lite',
      name: 'local-destination',
      instance_name: 'local-destination',
      tags: ['destination', 'conn', 'connsvc'],
      credentials: {
        clientid: client.id,
        ...client.credentials,
        uri: server.url,
        url: tokens.url,
        identityzone: 'local',
        tenantid: TENANT,
        tenantmode: 'dedicated',
      },
    }),
    put: (destination) => void known.set(destination.Name, destination),
    remove: (name) => void known.delete(name),
    store: (certificate) => void certificates.set(certificate.name, certificate),
    mode: 'up',
    lookups: () => lookups,
    async stop() {
      await server.stop();
      if (options.tokens === undefined) await tokens.stop();
    },
  };
  return self;
}

function ownClient(tokens: TokenServer): NonNullable<DestinationServiceOptions['client']> {
  const id = `sb-destination-${randomUUID()}!b1`;
  const secret = randomUUID();
  tokens.clients.set(id, { secret });
  return { id, credentials: { clientsecret: secret } };
}

/** The credentials in the form of a header, or what kept the service from having them. */
async function authTokensOf(destination: DestinationConfiguration): Promise<readonly object[]> {
  const { Authentication, User, Password } = destination;
  if (Authentication === 'BasicAuthentication') {
    const basic = Buffer.from(`${User}:${Password}`).toString('base64');
    return [authToken('Basic', basic)];
  }
  if (Authentication !== 'OAuth2ClientCredentials') return [];
  const { tokenServiceURL = '', clientId = '', clientSecret = '' } = destination;
  try {
    const response = await fetch(tokenServiceURL, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
      }),
    });
    if (!response.ok) return [{ type: '', value: '', error: `token service answered ${response.status}` }];
    const issued = (await response.json()) as {
      readonly access_token: string;
      readonly expires_in: number;
    };
    return [{ ...authToken('Bearer', issued.access_token), expires_in: String(issued.expires_in) }];
  } catch {
    return [{ type: '', value: '', error: 'token service cannot be reached' }];
  }
}

function authToken(type: string, value: string) {
  return { type, value, http_header: { key: 'Authorization', value: `${type} ${value}` } };
}

function keyStoreOf(
  { KeyStoreLocation }: DestinationConfiguration,
  certificates: ReadonlyMap<string, StoredCertificate>,
): readonly object[] {
  const stored = KeyStoreLocation === undefined ? undefined : certificates.get(KeyStoreLocation);
  return stored === undefined ? [] : [certificateBody(stored)];
}

function certificateBody({ name, pem }: StoredCertificate): object {
  return { Name: name, Content: Buffer.from(pem).toString('base64'), Type: 'CERTIFICATE' };
}
