/** OAuth2 client credentials: who gets a token, and which tokens are good. */
import { randomBytes } from 'node:crypto';
import type { MeshClock } from './time.ts';

export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Oldest tokens go first; a client that asks for one on every connection stays far below. */
const MAX_TOKENS = 10_000;

export class Tokens {
  readonly #client: ClientCredentials;
  readonly #lifetimeS: number;
  readonly #clock: MeshClock;
  readonly #expiryMs = new Map<string, number>();

  constructor(client: ClientCredentials, lifetimeS: number, clock: MeshClock) {
    this.#client = client;
    this.#lifetimeS = lifetimeS;
    this.#clock = clock;
  }

  knows(given: ClientCredentials | undefined): boolean {
    return given?.clientId === this.#client.clientId && given.clientSecret === this.#client.clientSecret;
  }

  issue(): { readonly token: string; readonly expiresInS: number } {
    const token = randomBytes(24).toString('base64url');
    const oldest = this.#expiryMs.size >= MAX_TOKENS ? this.#expiryMs.keys().next().value : undefined;
    if (oldest !== undefined) this.#expiryMs.delete(oldest);
    this.#expiryMs.set(token, this.#clock.monotonicMs() + this.#lifetimeS * 1_000);
    return { token, expiresInS: this.#lifetimeS };
  }

  /** Milliseconds that the token of an Authorization header is still good for; 0: not (any more). */
  remainingMs(authorization: string | undefined): number {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    const expiryMs = token === undefined ? undefined : this.#expiryMs.get(token);
    return expiryMs === undefined ? 0 : Math.max(0, expiryMs - this.#clock.monotonicMs());
  }
}

/** Client credentials of a token request: from HTTP Basic, else from the form. */
export function readCredentials(
  authorization: string | undefined,
  form: URLSearchParams,
): ClientCredentials | undefined {
  const basic = /^Basic +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (basic !== undefined) {
    const [clientId = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':');
    return { clientId, clientSecret: rest.join(':') };
  }
  const clientId = form.get('client_id');
  return clientId === null ? undefined : { clientId, clientSecret: form.get('client_secret') ?? '' };
}
