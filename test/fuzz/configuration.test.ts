/** Bindings and settings: a configuration, or lines that say what is wrong. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readConfiguration } from '../../srv/config/configuration.ts';
import { ConfigurationError } from '../../srv/config/problems.ts';
import { SETTINGS } from '../../srv/config/settings-table.ts';
import { MeshEndpointError } from '../../srv/mesh/index.ts';
import { fuzz } from './fuzz.ts';
import { wrongJson, wrongText, wrongValue } from './mutations.ts';

const oauth = {
  clientid: 'id',
  clientsecret: 'secret',
  tokenendpoint: 'https://uaa.example/oauth/token',
  granttype: 'client_credentials',
};
const MESHES = [
  {
    namespace: 'a/b/c',
    messaging: [{ protocol: ['amqp10ws'], uri: 'wss://mesh.example/protocols/amqp10ws', oa2: oauth }],
    management: [{ oa2: oauth, uri: 'https://hub.example' }],
  },
  {
    uri: 'amqp://guest:guest@localhost:5672',
    dialect: 'rabbitmq',
    namespace: 'a/b/c',
    managementUri: 'http://localhost:15672',
  },
];
const ENVIRONMENT = {
  application_name: 'sync',
  space_name: 'dev',
  instance_index: 0,
  application_uris: ['a.example'],
};

const service = wrongValue(fc.constantFrom<unknown>(...MESHES)).map((credentials) => ({
  label: 'user-provided',
  name: 'mesh',
  tags: ['mesh'],
  credentials,
}));
const settings = fc.dictionary(
  fc.constantFrom(...Object.keys(SETTINGS)),
  wrongText(
    fc.constantFrom(
      'true',
      '5',
      '1e3',
      'rest',
      'odata-v4',
      '/a/{territoryId}/b',
      'a,b:c',
      '{namespace}/x',
      '*',
      '-1',
      '9'.repeat(40),
      'x'.repeat(500),
    ),
  ),
  { maxKeys: 6 },
);
const environment = fc
  .tuple(settings, wrongJson(fc.constant(ENVIRONMENT)))
  .map(([set, application]) => ({ ...set, VCAP_APPLICATION: application }));

test('whatever is set and bound is a configuration, or is refused line by line', () =>
  fuzz(
    fc.tuple(environment, service),
    ([env, bound]) => {
      try {
        readConfiguration(env, (filter) => [bound as never].filter(filter));
      } catch (error) {
        if (error instanceof ConfigurationError) {
          expect(error.problems.length).toBeGreaterThan(0);
          for (const problem of error.problems) expect(problem).not.toMatch(/[\n\r]/u);
          return;
        }
        throw error;
      }
    },
    { declared: [MeshEndpointError] },
  ));
