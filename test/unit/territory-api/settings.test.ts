import { describe, expect, it } from 'vitest';
import { withDestinationProperties } from '../../../srv/territory-api/index.ts';
import type { TerritoryApiSettings } from '../../../srv/territory-api/index.ts';
import { propertiesOf } from '../../../srv/territory-api/destination-properties.ts';
import { checkSettings } from '../../../srv/territory-api/settings.ts';

const settings: TerritoryApiSettings = {
  destination: 'TERRITORY_API',
  protocol: 'rest',
  key: 'id',
  keyType: 'string',
  timeoutMs: 1_000,
  freshValues: ['MISS'],
  propagationOff: false,
};

describe('the settings of the territory API', () => {
  it('have the default path, and the service root above it', () => {
    expect(checkSettings(settings)).toMatchObject({
      path: '/territory-api/v1/assignments',
      serviceRoot: '/territory-api/v1',
    });
    expect(checkSettings({ ...settings, path: '/assignments' }).serviceRoot).toBe('/');
  });

  it.each(['assignments', '//host/x', '/a//b', '/a/../b', '/a?x=1', '/a#b', '/a b', ''])(
    'refuse %j as a path, by the setting and the value',
    (path) =>
      expect(() => checkSettings({ ...settings, path })).toThrow(`TERRITORY_PATH '${path}' is not a path`),
  );

  it('refuse a collection outside the service root where a batch must name it', () => {
    const wrong = { ...settings, protocol: 'odata-v4', path: '/v1/assignments', serviceRoot: '/v2' } as const;
    expect(() => checkSettings(wrong)).toThrow('not below TERRITORY_SERVICE_ROOT');
  });

  it('refuse a key that is no property name', () => {
    expect(() => checkSettings({ ...settings, key: 'id eq 1 or id' })).toThrow('TERRITORY_KEY');
  });
});

describe('the service root by default', () => {
  const rootOf = (path: string) => checkSettings({ ...settings, protocol: 'odata-v2', path }).serviceRoot;

  it('is the path without its last segment', () => {
    expect(rootOf('/svc/Assignments')).toBe('/svc');
    expect(rootOf('/t/{territoryId}/members')).toBe('/t/{territoryId}');
    expect(rootOf('/Assignments')).toBe('/');
  });

  it('stands above the entity through which the path leads', () => {
    expect(rootOf("/svc/SalesTerritoryCollection('{territoryId}')/SalesTerritoryTeam")).toBe('/svc');
  });

  it('is also that where the settings leave it empty', () => {
    expect(checkSettings({ ...settings, path: '/assignments', serviceRoot: '' }).serviceRoot).toBe('/');
  });
});

describe('the settings of the territory API', () => {
  it.each(['rest', 'sales-cloud'] as const)('refuse a look-up in protocol %s', (protocol) => {
    expect(() => checkSettings({ ...settings, protocol, lookup: 'EmployeeID' })).toThrow('TERRITORY_LOOKUP');
  });

  it.each(['rest', 'sales-cloud'] as const)('refuse transactions in protocol %s', (protocol) => {
    expect(() => checkSettings({ ...settings, protocol, atomic: true })).toThrow('TERRITORY_ATOMIC');
  });
});

describe('the properties of the destination', () => {
  const own = { 'territory.protocol': 'odata-v4', 'territory.path': '/svc/Members', 'territory.key': 'ID' };

  it.each([
    ['flat, as in the environment', { originalProperties: own }],
    ['nested, as from the destination service', { originalProperties: { destinationConfiguration: own } }],
  ])('are read: %s', (_, destination) => {
    expect(propertiesOf(destination)).toEqual({ protocol: 'odata-v4', path: '/svc/Members', key: 'ID' });
  });

  it('win over the settings, and only they', () => {
    const merged = withDestinationProperties(
      { ...settings, serviceRoot: '/old' },
      propertiesOf({ originalProperties: own }),
    );
    expect(merged).toEqual({
      ...settings,
      protocol: 'odata-v4',
      path: '/svc/Members',
      key: 'ID',
      serviceRoot: '/svc',
    });
    expect(withDestinationProperties(settings, {})).toEqual(settings);
  });

  it('of another protocol bring its default path, where the settings have that of their own', () => {
    const properties = { protocol: 'sales-cloud' } as const;
    const path = '/territory-api/v1/assignments';
    const serviceRoot = '/territory-api/v1';
    expect(withDestinationProperties({ ...settings, path, serviceRoot }, properties)).toMatchObject({
      path: '/sap/c4c/api/v1/sales-territory-service/salesTerritories',
      serviceRoot: '/sap/c4c/api/v1/sales-territory-service',
    });
    expect(withDestinationProperties({ ...settings, path: '/own' }, properties).path).toBe('/own');
  });

  it('of an unknown protocol are refused by name', () => {
    const destination = { name: 'D', originalProperties: { 'territory.protocol': 'soap' } };
    expect(() => propertiesOf(destination)).toThrow(
      "property territory.protocol 'soap' of destination D is unknown",
    );
  });
});
