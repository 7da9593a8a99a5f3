/** The mesh layer over TLS, with certificates of an authority of our own: amqps with SASL PLAIN, and wss with OAuth2. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { MeshEndpoint } from '../../srv/mesh/index.ts';
import { closedAfterEach } from '../system/closing.ts';
import { eventually, numbers, webSocketOf } from './mesh-parts.ts';
import { sandboxStage } from './mesh-stage.ts';
import { createAuthority, type Authority, type Certified } from './own-authority.ts';
import { relayTo } from './relay.ts';

const stage = sandboxStage();
const { queue, receiving, fill } = stage;
let trusted: Authority;
let stranger: Authority;
beforeAll(() => {
  trusted = createAuthority();
  stranger = createAuthority('A Stranger');
});

type Kind = 'amqps' | 'wss';
const closing = closedAfterEach();

/** A broker that shows this certificate, and the way to it. */
async function broker(kind: Kind, certified: Certified): Promise<MeshEndpoint> {
  if (kind === 'amqps') {
    await stage.replaceSandbox({ tcp: { tls: certified, user: 'Jürgen', password: 'p:ä%ss' } });
    const uri = `amqps://127.0.0.1:${stage.sandbox.tcpPort}`;
    return { kind: 'amqp', uri, user: 'Jürgen', password: 'p:ä%ss', dialect: 'event-mesh' };
  }
  const port = await terminateTls(stage.sandbox.port, certified);
  const { oauth, ...plain } = webSocketOf(stage.sandbox);
  const tokenUrl = `https://127.0.0.1:${port}/oauth/token`;
  return { ...plain, uri: `wss://127.0.0.1:${port}/protocols/amqp10ws`, oauth: { ...oauth, tokenUrl } };
}

/** So that it is the mesh's own certificate that is looked at, not the token endpoint's. */
function withPlainTokens(endpoint: MeshEndpoint): MeshEndpoint {
  if (endpoint.kind === 'amqp') return endpoint;
  return { ...endpoint, oauth: webSocketOf(stage.sandbox).oauth };
}

async function terminateTls(plainPort: number, certified: Certified): Promise<number> {
  const relay = await relayTo(plainPort, { tls: certified });
  closing.push(() => relay.close());
  return relay.port;
}

describe.each<Kind>(['amqps', 'wss'])('%s', (kind) => {
  test('with an authority that is trusted: messages both ways, drops included', async () => {
    const endpoint = { ...(await broker(kind, trusted.certify())), ca: trusted.ca };
    fill(20);
    const { inbox, mesh, log } = receiving(5, { endpoint });
    await eventually(() => inbox.deliveries.length === 5, 'a full window');
    stage.sandbox.faults.dropConnections();
    await eventually(() => inbox.deliveries.length === 10, 'a full window again');
    inbox.onDelivery = (delivery) => delivery.accept();
    inbox.deliveries.forEach((delivery) => delivery.accept());
    await stage.sandbox.until((sandbox) => sandbox.counters.acceptances === 20, 8_000);
    expect(inbox.texts.slice(5)).toEqual(numbers(20));
    const to = { kind: 'queue', name: queue } as const;
    expect(await mesh.publish({ to, body: Buffer.from('x'), contentType: 'text/plain' })).toEqual({
      kind: 'accepted',
    });
    expect(log.failures).toHaveLength(1);
  });

  test.each([
    ['an authority nobody trusts', () => stranger.certify(), () => ({ ca: trusted.ca })],
    ['an own authority that was not given', () => trusted.certify(), () => ({})],
    ['the name of another host', () => trusted.certify('elsewhere.example'), () => ({ ca: trusted.ca })],
  ])('with %s there is no connection, and it is said why', async (_name, certified, trust) => {
    const endpoint = { ...withPlainTokens(await broker(kind, certified())), ...trust() };
    const { log, mesh, inbox } = receiving(5, { endpoint });
    await eventually(() => log.failures.length >= 2, 'two attempts');
    expect(new Set(log.failures.map(({ code }) => code))).toEqual(new Set(['MESH_TLS']));
    expect(mesh.status().reason).toMatch(/certificate/u);
    expect(inbox.events).toEqual([]);
    expect(stage.sandbox.counters).toMatchObject({ upgrades: 0, opens: 0 });
  });
});

test('a secret never crosses a connection that is not trusted', async () => {
  const port = await terminateTls(stage.sandbox.port, stranger.certify());
  const { oauth, ...plain } = webSocketOf(stage.sandbox);
  // The mesh itself is plain here, only the token endpoint is not what it seems.
  const endpoint = { ...plain, oauth: { ...oauth, tokenUrl: `https://127.0.0.1:${port}/oauth/token` } };
  const { log, mesh } = receiving(5, { endpoint });
  await eventually(() => log.failures.length >= 2, 'two attempts');
  expect(mesh.status().reason).toMatch(/token endpoint.*certificate/u);
  expect(stage.sandbox.counters).toMatchObject({ tokenRequests: 0, upgrades: 0 });
});
