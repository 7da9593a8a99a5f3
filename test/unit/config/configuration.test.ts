import { describe, expect, it } from 'vitest';

import { readConfiguration } from '../../../srv/config/configuration.ts';
import { ConfigurationError } from '../../../srv/config/problems.ts';

const rabbit = {
  name: 'rabbit',
  label: 'user-provided',
  tags: ['mesh'],
  credentials: { uri: 'amqp://user:geheim@127.0.0.1', dialect: 'rabbitmq', namespace: 'a/b/c' },
};
const source = (services: object[]) => (filter: (service: object) => boolean) =>
  services.filter((one) => filter(one));

describe('the configuration', () => {
  it('brings the namespace of the binding into the settings', () => {
    const { settings, mesh, application } = readConfiguration({ PORT: '0' }, source([rabbit]));
    expect(settings.mesh.queue).toBe('a/b/c/territory/changes');
    expect(mesh.endpoint.kind).toBe('amqp');
    expect(application.deployed).toBe(false);
  });

  it('takes `hold` only with PostgreSQL bound', () => {
    const postgres = { name: 'pg', label: 'postgresql-db', credentials: {} };
    const env = { ON_DEAD_LETTER: 'hold' };
    expect(readConfiguration(env, source([rabbit, postgres])).settings.policy.onDeadLetter).toBe('hold');
    expect(() => readConfiguration(env, source([rabbit]))).toThrow(/needs the PostgreSQL journal/);
  });

  it('says everything that is wrong at once: platform, bindings and settings', () => {
    let problems: readonly string[] = [];
    try {
      readConfiguration({ VCAP_APPLICATION: '{', PORT: 'x', RETRY_LIMIT: '99' }, source([]));
    } catch (error) {
      if (error instanceof ConfigurationError) problems = error.problems;
    }
    expect(problems.map((line) => line.split(' ')[0])).toEqual([
      'VCAP_APPLICATION',
      'No',
      'PORT',
      'RETRY_LIMIT',
    ]);
  });

  it.each(['{bad', '{"name":"TERRITORY_API"}', '["TERRITORY_API"]'])(
    'refuses the variable destinations where SAP Cloud SDK would find nothing in it: %s',
    (destinations) => {
      expect(() => readConfiguration({ destinations }, source([rabbit]))).toThrow(
        /^The variable destinations is not a JSON array of destinations: correct it/,
      );
    },
  );

  it.each(['', '[]', '[{"name":"TERRITORY_API","url":"http://127.0.0.1:1"}]'])(
    'takes the variable destinations as SAP Cloud SDK does: %s',
    (destinations) => {
      expect(readConfiguration({ destinations }, source([rabbit])).warnings).toEqual([]);
    },
  );
});
