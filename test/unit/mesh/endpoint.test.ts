import { describe, expect, test } from 'vitest';
import {
  clientOptions,
  MeshEndpointError,
  type ClientTuning,
  type MeshEndpoint,
} from '../../../srv/mesh/endpoint.ts';

const tuning: ClientTuning = {
  containerId: 'c-1',
  windows: 1_000,
  signal: new AbortController().signal,
};
const cloud: MeshEndpoint = {
  kind: 'websocket',
  uri: 'wss://mesh.example.com/protocols/amqp10ws',
  dialect: 'event-mesh',
  oauth: { tokenUrl: 'https://auth.example.com/oauth/token', clientId: 'sb-1!b2|x', clientSecret: 'hush' },
};
const plain: MeshEndpoint = {
  kind: 'amqp',
  uri: 'amqp://broker',
  user: 'u',
  password: 'hush',
  dialect: 'rabbitmq',
};

describe("an endpoint in the library's words", () => {
  test('over WebSocket: host, port, path and the token, nothing of the other transports and no secret', () => {
    const options = clientOptions(cloud, { ...tuning, authorization: 'Bearer t' });
    expect(options.wss).toMatchObject({
      host: 'mesh.example.com',
      port: 443,
      path: '/protocols/amqp10ws',
      headers: { Authorization: 'Bearer t' },
    });
    expect(JSON.stringify(options)).not.toContain('hush');
    expect([options.ws, options.net, options.tls, options.sasl]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('plain and TLS sockets with their usual ports, and SASL PLAIN', () => {
    expect(clientOptions(plain, tuning)).toMatchObject({
      net: { host: 'broker', port: 5672 },
      sasl: { mechanism: 'PLAIN', user: 'u', password: 'hush' },
    });
    expect(clientOptions({ ...plain, uri: 'amqps://broker' }, tuning)).toMatchObject({
      tls: { host: 'broker', port: 5671, servername: 'broker' },
    });
    expect(clientOptions({ ...plain, uri: 'amqp://[::1]:1234' }, tuning).net).toMatchObject({
      host: '::1',
      port: 1234,
    });
  });

  test('receiving is under our control: no credit by itself, room for every window, larger messages than brokers take', () => {
    const { amqp, tune } = clientOptions(plain, { ...tuning, windows: 20_000 });
    expect(amqp.minReceiverLinkCredit).toBe(-1);
    expect(amqp.incomingSessionWindow).toBeGreaterThanOrEqual(20_000);
    expect(amqp.maxMessageSize).toBeGreaterThan(128 * 1024 * 1024);
    expect(tune.decodeUnsafeIntegers).toBe(true);
  });

  test('is made anew each time, for the library changes what it is given', () => {
    const [first, second] = [clientOptions(cloud, tuning), clientOptions(cloud, tuning)];
    expect(first.amqp).not.toBe(second.amqp);
    expect(first.wss).not.toBe(second.wss);
  });
});

describe('an endpoint that cannot be used', () => {
  test.each<[string, MeshEndpoint]>([
    ['another protocol', { ...plain, uri: 'mqtt://broker' }],
    ['no URL at all', { ...plain, uri: 'hush' }],
    ['a token endpoint that is none', { ...cloud, oauth: { ...cloud.oauth, tokenUrl: 'hush' } }],
    ['neither secret nor certificate', { ...cloud, oauth: { tokenUrl: 'https://a/', clientId: 'x' } }],
    [
      'a certificate without its key',
      { ...cloud, oauth: { tokenUrl: 'https://a/', clientId: 'x', certificate: 'hush' } },
    ],
  ])('is refused in one line without its values: %s', (_name, endpoint) => {
    const refused = (): unknown => clientOptions(endpoint, tuning);
    expect(refused).toThrow(MeshEndpointError);
    expect(refused).not.toThrow(/hush|\n/u);
  });
});
