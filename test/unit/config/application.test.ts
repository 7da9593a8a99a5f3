import { describe, expect, it } from 'vitest';

import { readApplication } from '../../../srv/config/application.ts';

const vcap = {
  application_id: 'guid-1',
  application_name: 'territory-srv',
  space_name: 'my space/dev',
  space_id: 'space-1',
  organization_name: 'org',
  organization_id: 'org-1',
  instance_index: 2,
  application_uris: ['terr.cfapps.example.com', 'other.example.com'],
};

describe('the application', () => {
  it('is local where no platform says otherwise', () => {
    expect(readApplication({})).toEqual({
      name: 'territory-sync',
      instanceIndex: 0,
      deployed: false,
      production: false,
      source: '/territory-sync/local',
    });
  });

  it('is what Cloud Foundry says it is, with a source that is a URI reference', () => {
    expect(readApplication({ VCAP_APPLICATION: JSON.stringify(vcap), CF_INSTANCE_IP: '10.0.0.1' })).toEqual({
      name: 'territory-srv',
      id: 'guid-1',
      space: 'my space/dev',
      spaceId: 'space-1',
      organization: 'org',
      organizationId: 'org-1',
      instanceIndex: 2,
      containerIp: '10.0.0.1',
      url: 'https://terr.cfapps.example.com',
      deployed: true,
      production: true,
      source: '/territory-sync/territory-srv/my%20space%2Fdev',
    });
  });

  it('is deployed on Kubernetes, where outcome events keep the local source', () => {
    const application = readApplication({ KUBERNETES_SERVICE_HOST: '10.0.0.1', CF_INSTANCE_INDEX: 'x' });
    expect(application).toMatchObject({ deployed: true, instanceIndex: 0, source: '/territory-sync/local' });
  });

  it('takes the index of the instance from either variable', () => {
    expect(readApplication({ VCAP_APPLICATION: '{}', CF_INSTANCE_INDEX: '3' }).instanceIndex).toBe(3);
  });

  it('has the first index where its own is no number, however deep that is nested', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    for (const index of [deep, '[7]', 'true', '{}']) {
      expect(readApplication({ VCAP_APPLICATION: `{"instance_index":${index}}` }).instanceIndex).toBe(0);
    }
  });

  it.each(['{', '[]', '"text"', 'null'])('refuses VCAP_APPLICATION=%s in one line', (json) => {
    expect(() => readApplication({ VCAP_APPLICATION: json })).toThrow(
      /^VCAP_APPLICATION is not a JSON object: /,
    );
  });
});
