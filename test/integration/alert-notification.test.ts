/** SAP Alert Notification's producer API over HTTPS, with each of the four types of binding. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { notificationChannel } from '../../srv/alerts/notification/channel.ts';
import type { AlertChannel, AlertNotice } from '../../srv/alerts/port.ts';
import { readAlertBinding, type AlertCredentialNames } from '../../srv/config/alert-binding.ts';
import { ManualClock } from '../doubles/manual-clock.ts';
import {
  bindingsOf,
  startAlertNotification,
  type AlertNotificationServer,
} from './alert-notification-server.ts';

const NOTICE: AlertNotice = {
  eventType: 'TerritorySyncDeadLetter',
  sourceEventId: 'territory-sync/app/dev/TerritorySyncDeadLetter',
  status: 'raised',
  severity: 'ERROR',
  title: 'Changes need a person',
  detail: '3 dead letters are open',
  action: 'Look at them.',
  raisedAt: Date.UTC(2026, 10, 22),
  changedAt: Date.UTC(2026, 10, 22),
  figures: { open: 3 },
  link: 'https://console.example',
  version: 1,
};
const { signal } = new AbortController();

let server: AlertNotificationServer;
let clock: ManualClock;
beforeEach(async () => {
  server = await startAlertNotification();
  clock = new ManualClock();
});
afterEach(() => server.stop());

function channelWith(credentials: object, names: AlertCredentialNames = {}): AlertChannel {
  const binding = { name: 'alerts', label: 'alert-notification', credentials: { ...credentials } };
  const endpoint = readAlertBinding(binding, names);
  return notificationChannel({ endpoint, resource: { name: 'app', instanceIndex: 2 }, clock });
}

test.each([
  ['OAuth with a secret', 'token'],
  ['OAuth with a certificate', 'token'],
  ['basic', 'basic'],
  ['mTLS', 'certificate'],
] as const)('%s: an event is taken that fits the schema', async (type, login) => {
  const channel = channelWith(bindingsOf(server)[type]);
  expect(await channel.send(NOTICE, signal)).toEqual({ kind: 'accepted' });
  expect(await channel.send({ ...NOTICE, status: 'recovered' }, signal)).toEqual({ kind: 'accepted' });
  expect(server.faults).toEqual([]);
  expect(server.logins).toEqual([login, login]);
  expect(server.events.map(({ tags }) => tags['ans:status'])).toEqual(['CREATE_OR_UPDATE', 'CLOSE']);
  expect(server.events[0]).toEqual({
    eventType: 'TerritorySyncDeadLetter',
    eventTimestamp: NOTICE.changedAt / 1000,
    severity: 'ERROR',
    category: 'ALERT',
    subject: 'Changes need a person',
    body: '3 dead letters are open. Look at them.',
    priority: 500,
    tags: {
      'ans:sourceEventId': NOTICE.sourceEventId,
      'ans:status': 'CREATE_OR_UPDATE',
      'ans:detailsLink': 'https://console.example',
      raisedAt: '2026-11-22T00:00:00.000Z',
      open: '3',
    },
    resource: { resourceName: 'app', resourceType: 'application', resourceInstance: '2' },
  });
});

describe('With OAuth', () => {
  const secret = () => bindingsOf(server)['OAuth with a secret'];

  test.each(['', '/', '/oauth/token', '/oauth/token?grant_type=client_credentials', '/somewhere'])(
    'the token endpoint is found where the binding says "…%s"',
    async (path) => {
      const channel = channelWith({ ...secret(), oauth_url: `${server.url}${path}` });
      expect(await channel.send(NOTICE, signal)).toEqual({ kind: 'accepted' });
      expect(server.tokenRequests).toEqual(['/oauth/token']);
    },
  );

  test('one token serves until shortly before its end', async () => {
    server.tokenLifeS = 1000;
    const channel = channelWith(secret());
    await channel.send(NOTICE, signal);
    clock.advance(899_000);
    await channel.send(NOTICE, signal);
    expect(server.tokenRequests).toHaveLength(1);
    clock.advance(2000);
    await channel.send(NOTICE, signal);
    expect(server.tokenRequests).toHaveLength(2);
  });

  test('a token that is refused is replaced once', async () => {
    const channel = channelWith(secret());
    await channel.send(NOTICE, signal);
    server.revoke();
    expect(await channel.send(NOTICE, signal)).toEqual({ kind: 'accepted' });
    server.nextAnswers.push({ status: 401 }, { status: 401 });
    expect(await channel.send(NOTICE, signal)).toMatchObject({ kind: 'unavailable' });
  });

  test('a token endpoint that repeats the secret leaves none of it in the reason', async () => {
    const channel = channelWith({ ...secret(), client_secret: 'SECRET-of-the-client' });
    const result = await channel.send(NOTICE, signal);
    expect(result).toMatchObject({ kind: 'unavailable' });
    expect(JSON.stringify(result)).not.toContain('SECRET');
  });
});

test.each([429, 500, 503, 403, 404])('after %i it is tried again later', async (status) => {
  const channel = channelWith(bindingsOf(server).basic);
  server.nextAnswers.push({ status, headers: { 'retry-after': '7' } });
  expect(await channel.send(NOTICE, signal)).toMatchObject({ kind: 'unavailable', retryAfterMs: 7000 });
});

test.each([400, 413, 422])('after %i it is not', async (status) => {
  const channel = channelWith(bindingsOf(server).basic);
  server.nextAnswers.push({ status });
  expect(await channel.send(NOTICE, signal)).toEqual({ kind: 'refused', reason: `it answered ${status}` });
});

test('a wait of days is one of an hour', async () => {
  server.nextAnswers.push({ status: 503, headers: { 'retry-after': '259200' } });
  expect(await channelWith(bindingsOf(server).basic).send(NOTICE, signal)).toMatchObject({
    retryAfterMs: 3_600_000,
  });
});

test('a redirect is not followed', async () => {
  const other = await startAlertNotification();
  try {
    const channel = channelWith(bindingsOf(server).basic);
    server.nextAnswers.push({
      status: 307,
      headers: { location: `${other.url}/cf/producer/v1/resource-events` },
    });
    expect(await channel.send(NOTICE, signal)).toMatchObject({ kind: 'unavailable' });
    expect([...other.events, ...other.logins]).toEqual([]);
  } finally {
    await other.stop();
  }
});

test('a server that cannot be reached, or is not trusted, is tried again later', async () => {
  const { ca: _, ...untrusting } = bindingsOf(server).basic;
  expect(await channelWith(untrusting).send(NOTICE, signal)).toMatchObject({ kind: 'unavailable' });
  const gone = { ...bindingsOf(server).basic, url: 'https://127.0.0.1:1' };
  expect(await channelWith(gone).send(NOTICE, signal)).toMatchObject({
    kind: 'unavailable',
    reason: 'it cannot be reached (ECONNREFUSED)',
  });
});

test('other names in the binding can be configured', async () => {
  const { url, ca } = bindingsOf(server).basic;
  const channel = channelWith(
    { endpoint: url, who: 'user', pass: 'the password', ca },
    {
      url: 'endpoint',
      username: 'who',
      password: 'pass',
    },
  );
  expect(await channel.send(NOTICE, signal)).toEqual({ kind: 'accepted' });
});

test.each([
  ['no URL', {}, /has no "url"/],
  ['no login', { url: 'https://x' }, /none of the four types/],
  ['half an OAuth login', { url: 'https://x', oauth_url: 'https://y', client_id: 'i' }, /neither/],
  ['an OAuth login without its endpoint', { url: 'https://x', client_id: 'i' }, /has no "oauth_url"/],
])('a binding with %s is refused', (_, credentials, message) => {
  expect(() => channelWith(credentials)).toThrow(message);
});
