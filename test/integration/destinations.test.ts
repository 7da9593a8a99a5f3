/** The Cloud SDK's own way from `VCAP_SERVICES` to the API, through real servers: what each of them saw. */
import { randomUUID } from 'node:crypto';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closedAfterEach } from '../system/closing.ts';
import { startTokenServer } from '../system/token-server.ts';
import { startStage, VIRTUAL_HOST } from './destinations-stage.ts';
import type { Stage, StageOptions } from './destinations-stage.ts';
import { createAuthority } from './own-authority.ts';

const FIVE_MINUTES_MS = 5 * 60_000;
const authority = createAuthority('Destinations Test CA');
const server = { ...authority.certify(), ca: authority.ca, requestCert: true };

beforeAll(() => setDefaultCACertificates([...getCACertificates('default'), authority.ca]));

const closing = closedAfterEach();
let stage: Stage;
afterEach(() => stage.stop());

async function open(options?: StageOptions): Promise<Stage> {
  stage = await startStage(options);
  return stage;
}

/** A destination with a token of a service that only the destination service talks to. */
function oauth({ tokens, put }: Stage, secret = 'first'): void {
  tokens.clients.set('api-client', { secret });
  put({
    Authentication: 'OAuth2ClientCredentials',
    tokenServiceURL: `${tokens.url}/oauth/token`,
    clientId: 'api-client',
    clientSecret: 'first',
  });
}

const apiTokens = ({ tokens }: Stage): number =>
  tokens.issued.filter((client) => client === 'api-client').length;

describe('a destination', () => {
  it('with NoAuthentication is called without credentials', async () => {
    const { put, probe, apiServer } = await open();
    put({ Authentication: 'NoAuthentication' });
    expect(await probe()).toBeUndefined();
    expect(apiServer.reached).toHaveLength(1);
    expect(apiServer.reached[0]?.headers).not.toHaveProperty('authorization');
  });

  it('with BasicAuthentication is called as its user', async () => {
    const { put, probe, apiServer } = await open();
    put({ Authentication: 'BasicAuthentication', User: 'SYNC', Password: 'päss' });
    expect(await probe()).toBeUndefined();
    const expected = `Basic ${Buffer.from('SYNC:päss').toString('base64')}`;
    expect(apiServer.reached.map(({ headers }) => headers.authorization)).toEqual([expected]);
  });

  it('with OAuth2ClientCredentials is called with the token that the destination service fetched', async () => {
    const { probe, apiServer, tokens } = await open();
    oauth(stage);
    apiServer.admits = ({ headers }) => tokens.accepts(headers.authorization);
    expect(await probe()).toBeUndefined();
    expect(apiTokens(stage)).toBe(1);
  });

  it('with ClientCertificateAuthentication shows its certificate to an API that demands it', async () => {
    const { put, probe, apiServer, destinations } = await open({
      apiTls: { ...server, rejectUnauthorized: true },
    });
    const { cert, key } = authority.certify('territory-sync');
    destinations.store({ name: 'client.pem', pem: `${cert}${key}` });
    destinations.store({ name: 'trust.pem', pem: authority.ca });
    put({
      Authentication: 'ClientCertificateAuthentication',
      KeyStoreLocation: 'client.pem',
      TrustStoreLocation: 'trust.pem',
    });
    expect(await probe()).toBeUndefined();
    expect(apiServer.reached.map(({ certificate }) => certificate)).toEqual(['territory-sync']);
  });

  it('without the certificate that the API demands is trouble, and nothing reaches it', async () => {
    const { put, probe, apiServer } = await open({ apiTls: { ...server, rejectUnauthorized: true } });
    put({ Authentication: 'NoAuthentication' });
    expect(await probe()).toMatchObject({ reason: 'network' });
    expect(apiServer.reached).toEqual([]);
  });

  it('on premise is reached through the connectivity proxy, with its token and location', async () => {
    const { put, probe, apiServer, proxy } = await open();
    put({
      URL: `http://${VIRTUAL_HOST}`,
      ProxyType: 'OnPremise',
      CloudConnectorLocationId: 'WALLDORF',
      Authentication: 'BasicAuthentication',
      User: 'SYNC',
      Password: 'secret',
    });
    expect(await probe()).toBeUndefined();
    expect(proxy.proxied).toEqual([
      {
        target: expect.stringMatching(`^http://${VIRTUAL_HOST}/territory-api/v1/assignments`) as string,
        locationId: 'WALLDORF',
        authorized: true,
      },
    ]);
    expect(apiServer.reached).toHaveLength(1);
    // The proxy's token is the proxy's business.
    expect(apiServer.reached[0]?.headers).not.toHaveProperty('proxy-authorization');
  });

  it('on premise gets a new token for the proxy when that refuses the old one, once', async () => {
    const { put, probe, proxy, tokens } = await open();
    put({ URL: `http://${VIRTUAL_HOST}`, ProxyType: 'OnPremise', Authentication: 'NoAuthentication' });
    expect(await probe()).toBeUndefined();
    tokens.revokeAll();
    expect(await probe()).toBeUndefined();
    expect(proxy.proxied.map(({ authorized }) => authorized)).toEqual([true, false, true]);
  });

  it('on premise without a connectivity service is trouble that says so', async () => {
    const { put, probe, destinations } = await open();
    process.env['VCAP_SERVICES'] = JSON.stringify({ destination: [destinations.binding()] });
    put({ URL: `http://${VIRTUAL_HOST}`, ProxyType: 'OnPremise', Authentication: 'NoAuthentication' });
    expect((await probe())?.message).toBe(
      'destination TERRITORY_API is on-premise and no connectivity service is bound; bind one',
    );
  });

  it('on premise is asked for anew before the token of the proxy ends', async () => {
    const { put, probe, proxy, tokens, pass } = await open();
    tokens.lifetimeS = 120;
    put({ URL: `http://${VIRTUAL_HOST}`, ProxyType: 'OnPremise', Authentication: 'NoAuthentication' });
    await probe();
    const before = stage.destinations.lookups().length;
    pass(91_000);
    await probe();
    expect(stage.destinations.lookups().length).toBeGreaterThan(before);
    expect(tokens.issued.filter((client) => client.startsWith('sb-connectivity'))).toHaveLength(2);
    expect(proxy.proxied).toHaveLength(2);
  });

  it.each([
    'PrincipalPropagation',
    'SAMLAssertion',
    'OAuth2SAMLBearerAssertion',
    'OAuth2UserTokenExchange',
    'OAuth2JWTBearer',
    'OAuth2RefreshToken',
  ])('with %s is refused by that name', async (Authentication) => {
    const { put, probe, apiServer } = await open();
    put({ Authentication });
    const trouble = await probe();
    expect(trouble).toMatchObject({ reason: 'destination' });
    expect(trouble?.message).toContain(`uses ${Authentication}, which`);
    expect(trouble?.message).toContain('use BasicAuthentication');
    expect(apiServer.reached).toEqual([]);
  });

  it('that forwards the user is refused, and one of a type that nobody knows', async () => {
    const { put, probe } = await open();
    put({ Authentication: 'NoAuthentication', forwardAuthToken: 'true' });
    expect((await probe())?.message).toContain('forwardAuthToken, which needs a signed-in user');
    put({ Authentication: 'CarrierPigeon' });
    expect((await probe())?.message).toContain('CarrierPigeon, which is not supported');
  });

  it('with OAuth2SAMLBearerAssertion and a system user needs nobody signed in', async () => {
    const { put, probe } = await open();
    put({ Authentication: 'OAuth2SAMLBearerAssertion', SystemUser: 'SYNC' });
    // The destination service of this test has no such token to give; what matters is that nobody is asked to sign in.
    expect((await probe())?.message ?? '').not.toContain('signed-in user');
  });
});

describe('tokens and secrets', () => {
  it('that the API refuses are fetched anew once; then it is trouble, and no more requests', async () => {
    const { probe, apiServer, tokens } = await open();
    oauth(stage);
    apiServer.admits = ({ headers }) => tokens.accepts(headers.authorization);
    await probe();
    tokens.revokeAll();
    expect(await probe()).toBeUndefined();
    expect(apiTokens(stage)).toBe(2);
    expect(apiServer.reached).toHaveLength(3);

    apiServer.admits = () => false;
    expect(await probe()).toMatchObject({ reason: 'unauthorized', status: 401 });
    expect(apiServer.reached).toHaveLength(5);
    expect(apiTokens(stage)).toBe(3);
  });

  it('are fetched anew before they end', async () => {
    const { probe, pass, tokens } = await open();
    tokens.lifetimeS = 120;
    oauth(stage);
    await probe();
    pass(89_000);
    await probe();
    expect(apiTokens(stage)).toBe(1);
    pass(2_000);
    await probe();
    expect(apiTokens(stage)).toBe(2);
  });

  it('rotated are taken from the destination: the old one is tried in vain at most once', async () => {
    const { probe, tokens, apiServer, put } = await open();
    oauth(stage);
    apiServer.admits = ({ headers }) => tokens.accepts(headers.authorization);
    await probe();
    tokens.clients.set('api-client', { secret: 'second' });
    tokens.revokeAll();
    expect(await probe()).toMatchObject({ reason: 'destination' });
    put({
      Authentication: 'OAuth2ClientCredentials',
      tokenServiceURL: `${tokens.url}/oauth/token`,
      clientId: 'api-client',
      clientSecret: 'second',
    });
    expect(await probe()).toBeUndefined();
  });

  it('of a token service that is down are trouble in one line without secrets; it recovers by itself', async () => {
    const { probe, put, tokens } = await open();
    oauth(stage);
    const elsewhere = await startTokenServer();
    closing.push(() => elsewhere.stop());
    elsewhere.clients.set('api-client', { secret: 'first' });
    elsewhere.mode = 'down';
    put({
      Authentication: 'OAuth2ClientCredentials',
      tokenServiceURL: `${elsewhere.url}/oauth/token`,
      clientId: 'api-client',
      clientSecret: 'first',
    });
    expect(await probe()).toEqual({
      reason: 'destination',
      message:
        'destination TERRITORY_API: its token could not be had; check its token service URL, client id and secret',
    });
    elsewhere.mode = 'up';
    expect(await probe()).toBeUndefined();
    expect(elsewhere.issued).toEqual(['api-client']);
    expect(tokens.issued).not.toContain('api-client');
  });

  it('for the destination service are had with a certificate where the binding holds one', async () => {
    const tokens = await startTokenServer({ ...server, rejectUnauthorized: false });
    const id = `sb-destination-${randomUUID()}!b1`;
    tokens.clients.set(id, { certificate: 'territory-sync' });
    const { cert, key } = authority.certify('territory-sync');
    const credentials = { 'credential-type': 'x509', certificate: cert, key, certurl: tokens.url };
    const { put, probe } = await open({ tokens, client: { id, credentials } });
    put({ Authentication: 'NoAuthentication' });
    expect(await probe()).toBeUndefined();
    expect(tokens.issued).toEqual([id]);
  });

  it('for the destination service that are refused are trouble that names the service, not the destination', async () => {
    const { put, probe, tokens, destinations } = await open();
    put({ Authentication: 'NoAuthentication' });
    for (const client of tokens.clients.keys()) tokens.clients.set(client, { secret: 'rotated' });
    expect(await probe()).toEqual({
      reason: 'destination',
      message:
        'destination TERRITORY_API: no token for the destination service can be had; check its token server, or bind it anew',
    });
    expect(destinations.lookups()).toEqual([]);
  });

  it('for the destination service that are silent end with the time-out, and nothing is left waiting', async () => {
    const { put, probe, tokens } = await open({ settings: { timeoutMs: 300 } });
    put({ Authentication: 'NoAuthentication' });
    tokens.mode = 'silent';
    expect(await probe()).toEqual({
      reason: 'destination',
      message:
        'destination TERRITORY_API: no answer within 300 ms of the destination service or a token service',
    });
  });
});

describe('the destination service', () => {
  it('silent is trouble of the destination, and is asked anew as soon as the next request comes', async () => {
    const { put, probe, destinations } = await open({ settings: { timeoutMs: 1000 } });
    put({ Authentication: 'NoAuthentication' });
    destinations.mode = 'silent';
    expect(await probe()).toMatchObject({ reason: 'destination' });
    // The SDK still waits for the first look-up, and will for seconds.
    destinations.mode = 'up';
    expect(await probe()).toBeUndefined();
  });

  it('is asked once for many requests, over as many connections as are under way, without a look-up for CSRF', async () => {
    const { put, probe, destinations, apiServer, tokens } = await open();
    put({ Authentication: 'BasicAuthentication', User: 'U', Password: 'P' });
    for (let count = 0; count < 20; count += 1) await probe();
    expect(destinations.lookups()).toEqual(['TERRITORY_API']);
    expect(tokens.issued).toHaveLength(1);
    expect(apiServer.reached).toHaveLength(20);
    expect(new Set(apiServer.reached.map(({ method }) => method))).toEqual(new Set(['GET']));
    expect(apiServer.reached.every(({ headers }) => headers['x-csrf-token'] === undefined)).toBe(true);
    expect(apiServer.connections()).toBe(1);
  });

  it('keeps the connection through the connectivity proxy as well', async () => {
    const { put, probe, proxy } = await open();
    put({ URL: `http://${VIRTUAL_HOST}`, ProxyType: 'OnPremise', Authentication: 'NoAuthentication' });
    for (let count = 0; count < 5; count += 1) await probe();
    expect(proxy.proxied).toHaveLength(5);
    expect(proxy.connections()).toBe(1);
  });

  it('down at start is trouble in one line; it recovers by itself', async () => {
    const { put, probe, destinations, apiServer } = await open();
    put({ Authentication: 'NoAuthentication' });
    destinations.mode = 'down';
    const trouble = await probe();
    expect(trouble).toMatchObject({ reason: 'destination' });
    expect(trouble?.message).toMatch(
      /^destination TERRITORY_API cannot be resolved.*check the destination service/,
    );
    expect(apiServer.reached).toEqual([]);
    destinations.mode = 'up';
    expect(await probe()).toBeUndefined();
  });

  it('down while running is not noticed but in the log, for an hour; then it is trouble, and recovers', async () => {
    const { put, probe, destinations, pass, log } = await open();
    put({ Authentication: 'NoAuthentication' });
    await probe();
    destinations.mode = 'down';
    pass(FIVE_MINUTES_MS);
    expect(await probe()).toBeUndefined();
    expect(log.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { message: 'destination could not be asked for anew; the known one is used on' },
    ]);
    // Not at every request again.
    expect(await probe()).toBeUndefined();
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    pass(60 * 60_000);
    expect(await probe()).toMatchObject({ reason: 'destination' });
    destinations.mode = 'up';
    expect(await probe()).toBeUndefined();
  });

  it('that knows the destination no longer ends its use', async () => {
    const { put, probe, destinations, pass } = await open();
    put({ Authentication: 'NoAuthentication' });
    await probe();
    destinations.remove('TERRITORY_API');
    pass(FIVE_MINUTES_MS);
    expect((await probe())?.message).toBe(
      'destination TERRITORY_API does not exist; create it, or correct TERRITORY_DESTINATION',
    );
  });
});
