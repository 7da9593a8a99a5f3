import { describe, expect, it } from 'vitest';

import { readMeshBinding } from '../../../srv/config/mesh-binding.ts';
import { DIALECTS } from '../../../srv/mesh/dialects.ts';

const oa2 = {
  clientid: 'sb-default!b1',
  clientsecret: 'geheim',
  granttype: 'client_credentials',
  tokenendpoint: 'https://sub.authentication.eu10.hana.ondemand.com/oauth/token',
};
const amqp = {
  broker: { type: 'sapmgw' },
  oa2,
  protocol: ['amqp10ws'],
  uri: 'wss://mesh.example.com/protocols/amqp10ws',
};
const mqtt = {
  broker: { type: 'sapmgw' },
  oa2,
  protocol: ['mqtt311ws'],
  uri: 'wss://mesh.example.com/protocols/mqtt311ws',
};
const rest = {
  broker: { type: 'saprestmgw' },
  oa2: { ...oa2, clientid: 'rest' },
  protocol: ['httprest'],
  uri: 'https://pubsub.example.com',
};
const management = [{ oa2: { ...oa2, clientid: 'hub' }, uri: 'https://hub.example.com' }];

function read(credentials: Record<string, unknown>, label = 'enterprise-messaging') {
  return readMeshBinding({ name: 'em', label, credentials });
}

describe('the binding of SAP Event Mesh', () => {
  it('gives the AMQP entry by its protocol, wherever it stands', () => {
    const expected = {
      endpoint: {
        kind: 'websocket',
        uri: 'wss://mesh.example.com/protocols/amqp10ws',
        dialect: 'event-mesh',
        oauth: { tokenUrl: oa2.tokenendpoint, clientId: 'sb-default!b1', clientSecret: 'geheim' },
      },
      namespace: 'my/company/terr',
      management: {
        kind: 'event-mesh',
        uri: 'https://hub.example.com',
        oauth: { tokenUrl: oa2.tokenendpoint, clientId: 'hub', clientSecret: 'geheim' },
      },
    };
    for (const messaging of [
      [amqp, mqtt, rest],
      [rest, mqtt, amqp],
    ]) {
      expect(read({ namespace: 'my/company/terr', messaging, management })).toEqual(expected);
    }
  });

  it('is read from files too, where nested values are JSON text', () => {
    const mesh = read({
      namespace: 'a/b/c',
      messaging: JSON.stringify([rest, amqp]),
      management: JSON.stringify(management),
    });
    expect(mesh.endpoint.uri).toBe(amqp.uri);
    expect(mesh.management).toMatchObject({ kind: 'event-mesh', oauth: { clientId: 'hub' } });
  });

  it.each([
    [
      'in uaa',
      {
        uaa: {
          certificate: 'CERT',
          key: 'KEY',
          certurl: 'https://sub.authentication.cert.eu10.hana.ondemand.com/',
        },
      },
      {},
    ],
    [
      'in oa2',
      {},
      { certificate: 'CERT', key: 'KEY', certurl: 'https://sub.authentication.cert.eu10.hana.ondemand.com' },
    ],
  ])(
    'with a certificate %s asks the certificate host for tokens, and knows no secret',
    (_place, top, ofEntry) => {
      const withCertificate = {
        ...amqp,
        oa2: { clientid: 'sb', tokenendpoint: oa2.tokenendpoint, ...ofEntry },
      };
      expect(read({ ...top, messaging: [withCertificate] }).endpoint).toMatchObject({
        oauth: {
          tokenUrl: 'https://sub.authentication.cert.eu10.hana.ondemand.com/oauth/token',
          clientId: 'sb',
          certificate: 'CERT',
          key: 'KEY',
        },
      });
    },
  );

  it('with a certificate at its top, and no host for it, keeps the token endpoint; line breaks are restored', () => {
    const messaging = [{ ...amqp, oa2: { clientid: 'sb', tokenendpoint: oa2.tokenendpoint } }];
    expect(read({ certificate: String.raw`-----BEGIN\nX`, key: 'KEY', messaging }).endpoint).toMatchObject({
      oauth: { tokenUrl: oa2.tokenendpoint, certificate: '-----BEGIN\nX' },
    });
  });

  it.each([
    ['no messaging', {}, 'has no "messaging": set options.messaging to true in the service descriptor'],
    ['no AMQP entry', { messaging: [rest, mqtt] }, 'protocol amqp10ws: set options.messaging to true'],
    [
      'no address',
      { messaging: [{ ...amqp, uri: undefined }] },
      'em.messaging[0] has no "uri": it must be a URL that begins with ws:// or wss://',
    ],
    ['another address', { messaging: [{ ...amqp, uri: 'https://x' }] }, 'em.messaging[0] has a wrong "uri"'],
    ['no client', { messaging: [{ ...amqp, oa2: {} }] }, 'has no oa2.clientid'],
    [
      'no secret',
      { messaging: [{ ...amqp, oa2: { ...oa2, clientsecret: '' } }] },
      'neither oa2.clientsecret nor a certificate',
    ],
    [
      'no token endpoint',
      { messaging: [{ ...amqp, oa2: { ...oa2, tokenendpoint: 'x' } }] },
      'oa2 has a wrong "tokenendpoint"',
    ],
    ['no key', { messaging: [amqp], uaa: { certificate: 'C' } }, 'em.uaa has a certificate but no key'],
  ])(
    'that has %s is refused in one line that says what to do and shows no secret',
    (_what, credentials, line) => {
      let message = '';
      try {
        read(credentials);
      } catch (error) {
        message = error instanceof Error ? error.message : '';
      }
      expect(message).toContain(line);
      expect(message).not.toMatch(/geheim|\n/);
    },
  );
});

describe('a user-provided mesh', () => {
  it('is an AMQP address whose user and password do not stay in it', () => {
    const uri = 'amqps://user:p%40ss%2Fword@broker.example.com:5671';
    expect(read({ uri, dialect: 'solace', namespace: 'x', ca: 'CA' }, 'user-provided')).toEqual({
      endpoint: {
        kind: 'amqp',
        uri: 'amqps://broker.example.com:5671',
        dialect: 'solace',
        user: 'user',
        password: 'p@ss/word',
        ca: 'CA',
      },
      namespace: 'x',
    });
  });

  it('of RabbitMQ may name its management API, and nobody, which means the default user', () => {
    expect(
      read({ uri: 'amqp://127.0.0.1:5672', dialect: 'rabbitmq', managementUri: 'http://127.0.0.1:15672' }),
    ).toEqual({
      endpoint: {
        kind: 'amqp',
        uri: 'amqp://127.0.0.1:5672',
        dialect: 'rabbitmq',
        user: 'guest',
        password: 'guest',
      },
      management: { kind: 'rabbitmq', uri: 'http://127.0.0.1:15672' },
    });
  });

  it.each(DIALECTS)('may speak the dialect %s, as every one that the mesh knows', (dialect) => {
    expect(read({ uri: 'amqp://user:geheim@h', dialect }, 'user-provided').endpoint.dialect).toBe(dialect);
  });

  it('may be a copy of the credentials of SAP Event Mesh', () => {
    expect(read({ messaging: [amqp] }, 'user-provided').endpoint.kind).toBe('websocket');
  });

  it.each([
    ['without an address', {}, 'has neither "uri" nor "messaging"'],
    ['with another kind of address', { uri: 'http://x', dialect: 'rabbitmq' }, 'has a wrong "uri"'],
    ['without a dialect', { uri: 'amqp://u:geheim@h' }, 'needs "dialect": one of event-mesh, rabbitmq,'],
    ['without a user', { uri: 'amqp://h', dialect: 'service-bus' }, 'names no user and password'],
  ])('%s is refused in one line', (_what, credentials, line) => {
    expect(() => read(credentials, 'user-provided')).toThrow(line);
    expect(() => read(credentials, 'user-provided')).not.toThrow(/geheim/);
  });

  it('is needed: without any mesh the line says what to bind', () => {
    expect(() => readMeshBinding(undefined)).toThrow(
      /^No mesh is bound: bind a service enterprise-messaging or /,
    );
  });
});
