import { describe, expect, it } from 'vitest';
import { PostgresSettingsError, readEndpoint } from '../../../srv/journal/postgres/settings.ts';

const PARTS = { hostname: 'db.example.org', port: '6432', username: 'u', password: 'p w', dbname: 'journal' };

describe('The endpoint of a PostgreSQL binding', () => {
  it('is read from separate fields, as the service gives them', () => {
    expect(readEndpoint('pg', { ...PARTS, uri: 'postgres://other:x@elsewhere/y' })).toEqual({
      host: 'db.example.org',
      port: 6432,
      user: 'u',
      password: 'p w',
      database: 'journal',
    });
  });

  it('is read from a uri, with escapes, and with PostgreSQL’s port by default', () => {
    expect(readEndpoint('pg', { uri: 'postgresql://u%40x:p%2Fw@localhost/my%20db' })).toEqual({
      host: 'localhost',
      port: 5432,
      user: 'u@x',
      password: 'p/w',
      database: 'my db',
    });
    expect(readEndpoint('pg', { uri: 'postgres://u@[::1]:6000/db' })).toMatchObject({
      host: '::1',
      port: 6000,
    });
  });

  it('is encrypted, and checked by the certificate that the binding brings', () => {
    const tls = (more: object) => readEndpoint('pg', { ...PARTS, ...more }).tls;
    expect(tls({ sslrootcert: 'CA\\nPEM' })).toEqual({ verify: 'name', ca: 'CA\nPEM' });
    expect(tls({ sslcert: 'CA' })).toEqual({ verify: 'name', ca: 'CA' });
    expect(tls({ sslrootcert: 'CA', sslcert: 'own', sslkey: 'key' })).toEqual({
      verify: 'name',
      ca: 'CA',
      cert: 'own',
      key: 'key',
    });
    expect(tls({ hostname: '10.1.2.3', sslrootcert: 'CA' })).toEqual({ verify: 'chain', ca: 'CA' });
  });

  it('follows sslmode where it is given', () => {
    const verify = (mode: string) =>
      readEndpoint('pg', { uri: `postgres://u@h/db?sslmode=${mode}` }).tls?.verify;
    expect(['disable', 'require', 'verify-ca', 'verify-full'].map(verify)).toEqual([
      undefined,
      'none',
      'chain',
      'name',
    ]);
  });

  it.each([
    [{}, /no host, user or database/],
    [{ uri: 'mysql://u:geheim@h/db' }, /wrong "uri"/],
    [{ ...PARTS, port: '0' }, /wrong "port"/],
    [{ ...PARTS, sslmode: 'prefer' }, /wrong "sslmode"/],
  ])('that is incomplete or wrong is refused by name, without a value: %#', (credentials, message) => {
    const read = () => readEndpoint('my-postgres', credentials);
    expect(read).toThrow(PostgresSettingsError);
    expect(read).toThrow(/^The binding my-postgres/);
    expect(read).toThrow(message);
    expect(read).not.toThrow(/geheim|mysql|prefer/);
  });
});
