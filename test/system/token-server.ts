/**
 * XSUAA's token endpoint as far as a technical client sees it: `POST /oauth/token` with grant type client_credentials, the client known
 * by its secret or by its certificate. Tokens can be revoked, secrets rotated, and it can be slow or down.
 */
import { randomUUID } from 'node:crypto';
import type { ServerOptions } from 'node:https';
import { bodyOf, clientName, startLocalServer } from './local-server.ts';

export const TENANT = '1b0e4f5c-8a52-4c07-9f0a-6a2f3f1d7c11';

export interface TokenServer {
  readonly url: string;
  /** Clients with the secret that each must show; `certificate`: the common name of its certificate. */
  readonly clients: Map<string, { readonly secret: string } | { readonly certificate: string }>;
  /** What happens to the next requests. */
  mode: 'up' | 'down' | 'silent';
  /** Milliseconds that it takes over each token. */
  delayMs: number;
  /** Lifetime of tokens issued from now on. */
  lifetimeS: number;
  /** Clients in the order in which they were given a token. */
  readonly issued: readonly string[];
  /** True for an `Authorization` or `Proxy-Authorization` header with a token that was issued here and not revoked. */
  accepts(header: string | undefined): boolean;
  revokeAll(): void;
  stop(): Promise<void>;
}

export async function startTokenServer(tls?: ServerOptions): Promise<TokenServer> {
  const clients: TokenServer['clients'] = new Map();
  const issued: string[] = [];
  const tokens = new Set<string>();

  function issue(form: URLSearchParams, certificate: string | undefined): { status: number; body: object } {
    if (form.get('grant_type') !== 'client_credentials')
      return { status: 400, body: { error: 'unsupported_grant_type' } };
    const id = form.get('client_id') ?? '';
    const client = clients.get(id);
    const known =
      client !== undefined &&
      ('secret' in client
        ? client.secret === form.get('client_secret')
        : certificate !== undefined && client.certificate === certificate);
    if (!known) return { status: 401, body: { error: 'unauthorized', error_description: 'Bad credentials' } };
    const token = unsignedJwt(id, self.lifetimeS);
    tokens.add(`Bearer ${token}`);
    issued.push(id);
    return {
      status: 200,
      body: { access_token: token, token_type: 'bearer', expires_in: self.lifetimeS },
    };
  }

  const server = await startLocalServer((request, response) => {
    if (self.mode === 'silent') return;
    if (self.mode === 'down' || request.method !== 'POST' || request.url !== '/oauth/token') {
      response.writeHead(self.mode === 'down' ? 503 : 404).end();
      return;
    }
    void bodyOf(request).then(
      (text) => {
        const { status, body } = issue(new URLSearchParams(text), clientName(request));
        setTimeout(() => {
          response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
        }, self.delayMs);
      },
      () => response.destroy(),
    );
  }, tls);

  const self: TokenServer = {
    url: server.url,
    clients,
    mode: 'up',
    delayMs: 0,
    lifetimeS: 3600,
    issued,
    accepts: (header) => header !== undefined && tokens.has(header),
    revokeAll: () => tokens.clear(),
    stop: () => server.stop(),
  };
  return self;
}

/** The SDK reads the tenant from a token and leaves its signature to the service that gets it. */
function unsignedJwt(clientId: string, lifetimeS: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    jti: randomUUID(),
    zid: TENANT,
    cid: clientId,
    exp: Math.floor(Date.now() / 1000) + lifetimeS,
  };
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.none`;
}
