import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../srv/platform/clock.ts';
import { createDestinationSource, DestinationError } from '../../../srv/territory-api/destination-source.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';
import { clearDestinations, setDestination } from './small-server.ts';

let nowMs = 0;
const clock: Clock = {
  now: () => nowMs,
  monotonicMs: () => nowMs,
  after: () => ({ cancel: () => {} }),
};
const token = (value: string, seconds: number) => ({
  authentication: 'OAuth2ClientCredentials',
  authTokens: [
    {
      type: 'bearer',
      value,
      expires_in: String(seconds),
      http_header: { key: 'Authorization', value: `Bearer ${value}` },
    },
  ],
});
const offer = (url: string, more: object = {}) => setDestination({ name: 'D', url, ...more });
const source = () => createDestinationSource({ destinationName: 'D', clock, log: createRecordingLog() });

beforeEach(() => {
  nowMs = 0;
});
afterEach(clearDestinations);

describe('the destination', () => {
  it('is kept, and an edit is seen within five minutes', async () => {
    const known = source();
    offer('http://one');
    expect((await known.get()).url).toBe('http://one');
    offer('http://two');
    nowMs = 299_999;
    expect((await known.get()).url).toBe('http://one');
    nowMs = 300_000;
    expect((await known.get()).url).toBe('http://two');
  });

  it('is asked for anew before its token ends', async () => {
    const known = source();
    offer('http://one', token('t1', 120));
    await known.get();
    offer('http://one', token('t2', 120));
    nowMs = 89_999;
    expect((await known.get()).authTokens?.[0]?.value).toBe('t1');
    nowMs = 90_000;
    expect((await known.get()).authTokens?.[0]?.value).toBe('t2');
  });

  it('is used on while it cannot be asked for anew, but for an hour at most', async () => {
    const known = source();
    offer('http://one');
    await known.get();
    clearDestinations();
    nowMs = 3_599_999;
    expect((await known.get()).url).toBe('http://one');
    nowMs = 3_600_000;
    await expect(known.get()).rejects.toMatchObject({ code: 'TERRITORY_DESTINATION' });
  });

  it('is never used on beyond its token', async () => {
    const known = source();
    offer('http://one', token('t1', 120));
    await known.get();
    clearDestinations();
    nowMs = 90_000;
    await expect(known.get()).rejects.toThrow('bind or set one');
  });

  it('whose credentials were refused is not used on', async () => {
    const known = source();
    offer('http://one');
    known.forget(await known.get());
    clearDestinations();
    await expect(known.get()).rejects.toThrow('bind or set one');
  });

  it('that is newer than the refused one is kept', async () => {
    const known = source();
    offer('http://one');
    const first = await known.get();
    known.forget(first);
    const second = await known.get();
    known.forget(first);
    expect(await known.get()).toBe(second);
  });

  it('is looked up once for several callers', async () => {
    const known = source();
    offer('http://one');
    const [first, second] = await Promise.all([known.get(), known.get()]);
    expect(first).toBe(second);
  });

  it.each([
    ['a number', '5'],
    ['nested too deep to be made a text', '['.repeat(20_000) + ']'.repeat(20_000)],
  ])('whose authentication is %s is refused in words', async (_what, authentication) => {
    process.env['destinations'] = `[{"name":"D","url":"http://one","authentication":${authentication}}]`;
    await expect(source().get()).rejects.toThrow(DestinationError);
  });

  it('whose token tells its life as something else than a number is kept as one without', async () => {
    const life = '['.repeat(20_000) + ']'.repeat(20_000);
    process.env['destinations'] =
      `[{"name":"D","url":"http://one","authTokens":[{"type":"bearer","value":"t","expires_in":${life},` +
      `"http_header":{"key":"Authorization","value":"Bearer t"}}]}]`;
    expect((await source().get()).url).toBe('http://one');
  });
});
