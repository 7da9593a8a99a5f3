import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../srv/platform/clock.ts';
import type { Clock, Timer } from '../../../srv/platform/clock.ts';
import { createTransport } from '../../../srv/territory-api/destination.ts';
import type { RequestObserved, Transport, TransportAnswer } from '../../../srv/territory-api/destination.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';
import type { RecordingLog } from '../../doubles/recording-log.ts';
import { clearDestinations, setDestination, startSmallServer } from './small-server.ts';
import type { Answering, SmallServer } from './small-server.ts';

const NAME = 'TERRITORY_API';
const NEVER = new AbortController().signal;

let server: SmallServer;
let log: RecordingLog;
let observed: RequestObserved[];
let liveTimers: Set<Timer>;

/** The system's clock, counting the timers that nobody has removed. */
const countingClock: Clock = {
  ...systemClock,
  after(delayMs, action) {
    const timer = systemClock.after(delayMs, () => {
      liveTimers.delete(owned);
      action();
    });
    const owned: Timer = {
      cancel() {
        liveTimers.delete(owned);
        timer.cancel();
      },
    };
    liveTimers.add(owned);
    return owned;
  },
};

function transport(timeoutMs = 5_000): Transport {
  return createTransport({
    destinationName: NAME,
    timeoutMs,
    clock: countingClock,
    log,
    onRequest: (request) => observed.push(request),
  });
}

async function serve(answer: Answering): Promise<void> {
  server = await startSmallServer(answer);
  setDestination({ name: NAME, url: server.url, username: 'user', password: 'pass-one' });
}

const get = (path = '/records') => ({ method: 'GET', path, records: 1 }) as const;
const patch = { method: 'PATCH', path: '/records', body: '{"a":1}', records: 2 } as const;

function troubleOf(answer: TransportAnswer) {
  if (answer.kind !== 'trouble') throw new Error(`expected trouble, got ${answer.status}`);
  return { ...answer.trouble, sent: answer.sent };
}

beforeEach(() => {
  log = createRecordingLog();
  observed = [];
  liveTimers = new Set();
});
afterEach(async () => {
  expect(liveTimers.size, 'timers left behind').toBe(0);
  clearDestinations();
  await server.stop();
});

describe('a request through the destination', () => {
  it('is one request on the wire, without a CSRF look-up', async () => {
    await serve(() => ({ body: { ok: true } }));
    const answer = await transport().send(patch, NEVER);
    expect(answer).toMatchObject({ kind: 'answer', status: 200, text: '{"ok":true}' });
    expect(server.asked.map(({ method }) => method)).toEqual(['PATCH']);
    expect(observed).toMatchObject([{ status: 200, method: 'PATCH', records: 2 }]);
  });

  it('gives every status as an answer, a redirect too, which it does not follow', async () => {
    const statuses = [204, 302, 400, 404, 409, 412, 428, 500, 503];
    await serve((_, count) => ({ status: statuses[count - 1] ?? 200, headers: { location: '/login' } }));
    const send = transport();
    for (const status of statuses) {
      expect(await send.send(get(), NEVER)).toMatchObject({ kind: 'answer', status });
    }
    expect(server.asked).toHaveLength(statuses.length);
  });

  it('keeps the path as it was encoded', async () => {
    await serve(() => ({}));
    const path = "/records?ids=a%2Cb,c%20d,%27e%27,%2525&$filter=id%20in%20('x')";
    await transport().send(get(path), NEVER);
    expect(server.asked[0]?.url.replaceAll('%27', "'")).toBe(path.replaceAll('%27', "'"));
  });

  it('sends the body byte for byte', async () => {
    await serve(() => ({}));
    const body = '{ "b" : 1.0,\n "a": "ä€😀" } ';
    await transport().send({ ...patch, body, headers: { 'content-type': 'application/json' } }, NEVER);
    expect(server.asked[0]?.body).toBe(body);
  });

  it('reuses its connection', async () => {
    await serve(() => ({}));
    const send = transport();
    for (let round = 0; round < 5; round += 1) await send.send(patch, NEVER);
    expect(server.connections()).toBe(1);
  });

  it('adds the headers and queries that the destination names', async () => {
    await serve(() => ({}));
    const extra = { 'URL.headers.x-tenant': 'blue', 'URL.queries.sap-language': 'E N' };
    setDestination({
      Name: NAME,
      URL: `${server.url}/base`,
      Authentication: 'NoAuthentication',
      Type: 'HTTP',
      ...extra,
    });
    await transport().send(get('/records?ids=1'), NEVER);
    expect(server.asked[0]?.url).toBe('/base/records?ids=1&sap-language=E%20N');
    expect(server.asked[0]?.headers['x-tenant']).toBe('blue');
  });
});

describe('a request without an answer', () => {
  it('ends at its time-out, and the connection with it', async () => {
    await serve(() => 'silence');
    const trouble = troubleOf(await transport(50).send(patch, NEVER));
    expect(trouble).toEqual({ reason: 'timeout', message: 'no answer within 50 ms', sent: true });
    expect(observed).toMatchObject([{ status: 'timeout' }]);
  });

  it('ends when the caller aborts', async () => {
    const caller = new AbortController();
    await serve(() => {
      caller.abort();
      return 'silence';
    });
    const trouble = troubleOf(await transport().send(patch, caller.signal));
    expect(trouble).toMatchObject({ reason: 'timeout', sent: true });
  });

  it('leaves nothing listening on the signal of the caller', async () => {
    await serve((_, count) => (count === 1 ? {} : 'silence'));
    const caller = new AbortController();
    const send = transport(100);
    await send.send(get(), caller.signal);
    await send.send(get(), caller.signal);
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
  });

  it('sends nothing for a caller that has aborted before', async () => {
    await serve(() => ({}));
    const trouble = troubleOf(await transport().send(patch, AbortSignal.abort()));
    expect(trouble).toMatchObject({ reason: 'timeout', sent: false });
    expect(server.asked).toHaveLength(0);
  });

  it('says that nothing was sent where no connection was made', async () => {
    await serve(() => ({}));
    setDestination({ name: NAME, url: 'http://127.0.0.1:1' });
    const trouble = troubleOf(await transport().send(patch, NEVER));
    expect(trouble).toMatchObject({ reason: 'network', sent: false });
    expect(trouble.message).toContain('ECONNREFUSED');
    expect(observed).toMatchObject([{ status: 'network' }]);
  });

  it.each(['before', 'within'] as const)(
    'says that it was sent where the connection breaks %s the answer',
    async (cut) => {
      await serve(() => ({ cut, body: { some: 'answer' } }));
      expect(troubleOf(await transport().send(patch, NEVER))).toMatchObject({
        reason: 'network',
        sent: true,
      });
    },
  );

  it('does not read an answer beyond its limit', async () => {
    await serve(() => ({ body: 'x'.repeat(17 * 1024 * 1024) }));
    expect(troubleOf(await transport().send(patch, NEVER))).toMatchObject({
      reason: 'not-an-answer',
      sent: true,
    });
  });
});

describe('a refused token', () => {
  it('is renewed once, from a destination looked up anew', async () => {
    await serve(({ headers }) => {
      const password = Buffer.from(headers.authorization?.slice(6) ?? '', 'base64').toString();
      return { status: password === 'user:pass-two' ? 200 : 401 };
    });
    const send = transport();
    await send.send(get(), NEVER);
    setDestination({ name: NAME, url: server.url, username: 'user', password: 'pass-two' });
    expect(await send.send(patch, NEVER)).toMatchObject({ kind: 'answer', status: 200 });
    const before = server.asked.length;
    expect(await send.send(patch, NEVER)).toMatchObject({ status: 200 });
    expect(server.asked.length - before).toBe(1);
  });

  it('is trouble that names the destination when the new one is refused too', async () => {
    await serve(() => ({ status: 401 }));
    const trouble = troubleOf(await transport().send(patch, NEVER));
    expect(trouble).toMatchObject({ reason: 'unauthorized', status: 401, sent: false });
    expect(trouble.message).toContain(NAME);
    expect(server.asked).toHaveLength(2);
  });
});

describe('a CSRF token', () => {
  const guarded: Answering = ({ method, headers }) => {
    if (method === 'GET') {
      const cookies = ['session=abc; Path=/; HttpOnly', 'route=7'];
      return { headers: { 'x-csrf-token': 'token-1', 'set-cookie': cookies } };
    }
    const valid = headers['x-csrf-token'] === 'token-1' && headers.cookie === 'session=abc; route=7';
    return valid ? { body: { done: true } } : { status: 403, headers: { 'x-csrf-token': 'Required' } };
  };

  it('is fetched with its cookies when the API asks for one, and kept', async () => {
    await serve(guarded);
    const send = transport();
    expect(await send.send(patch, NEVER)).toMatchObject({ status: 200 });
    expect(await send.send(patch, NEVER)).toMatchObject({ status: 200 });
    expect(server.asked.map(({ method }) => method)).toEqual(['PATCH', 'GET', 'PATCH', 'PATCH']);
  });

  it('is fetched once for several requests at a time', async () => {
    await serve(guarded);
    const send = transport();
    const answers = await Promise.all([1, 2, 3, 4].map(() => send.send(patch, NEVER)));
    expect(answers.map((answer) => answer.kind === 'answer' && answer.status)).toEqual([200, 200, 200, 200]);
    expect(server.asked.filter(({ method }) => method === 'GET')).toHaveLength(1);
  });

  it('is fetched anew when the kept one has expired', async () => {
    let valid = 'token-1';
    await serve(({ method, headers }) => {
      if (method === 'GET') return { headers: { 'x-csrf-token': valid } };
      return headers['x-csrf-token'] === valid
        ? {}
        : { status: 403, headers: { 'X-CSRF-Token': 'Required' } };
    });
    const send = transport();
    await send.send(patch, NEVER);
    valid = 'token-2';
    expect(await send.send(patch, NEVER)).toMatchObject({ status: 200 });
  });

  it('that is never accepted leaves the 403 as the answer, after one attempt', async () => {
    await serve(({ method }) =>
      method === 'GET'
        ? { headers: { 'x-csrf-token': 'useless' } }
        : { status: 403, headers: { 'x-csrf-token': 'required' } },
    );
    expect(await transport().send(patch, NEVER)).toMatchObject({ kind: 'answer', status: 403 });
    expect(server.asked).toHaveLength(3);
  });

  it('that the API does not give is trouble which says so', async () => {
    await serve(() => ({ status: 403, headers: { 'x-csrf-token': 'Required' } }));
    expect(troubleOf(await transport().send(patch, NEVER))).toMatchObject({
      reason: 'forbidden',
      sent: false,
    });
  });
});

describe('a destination', () => {
  beforeEach(() => serve(() => ({})));

  it('that does not exist is trouble with a line that tells what to do', async () => {
    setDestination({ name: 'OTHER', url: server.url });
    const trouble = troubleOf(await transport().send(get(), NEVER));
    expect(trouble).toMatchObject({ reason: 'destination', sent: false });
    expect(trouble.message).toMatch(/TERRITORY_API not found: .* bind or set one/);
  });

  it.each([
    'PrincipalPropagation',
    'SAMLAssertion',
    'OAuth2SAMLBearerAssertion',
    'OAuth2UserTokenExchange',
    'OAuth2JWTBearer',
    'OAuth2RefreshToken',
  ])('with %s is refused by that name, and nothing is sent', async (authentication) => {
    setDestination({ name: NAME, url: server.url, authentication });
    const trouble = troubleOf(await transport().send(get(), NEVER));
    expect(trouble).toMatchObject({ reason: 'destination', sent: false });
    expect(trouble.message).toContain(`uses ${authentication}, which needs a signed-in user`);
    expect(server.asked).toHaveLength(0);
  });

  it('that forwards the user token is refused by that name', async () => {
    setDestination({ name: NAME, url: server.url, forwardAuthToken: true });
    expect(troubleOf(await transport().send(get(), NEVER)).message).toContain('uses forwardAuthToken');
  });

  it('without a usable token is trouble, and is asked for anew the next time', async () => {
    const token = {
      type: 'bearer',
      value: '',
      error: 'invalid_client',
      http_header: { key: 'Authorization', value: '' },
    };
    const oauth = { name: NAME, url: server.url, authentication: 'OAuth2ClientCredentials' };
    setDestination({ ...oauth, authTokens: [token] });
    const send = transport();
    expect(troubleOf(await send.send(get(), NEVER)).message).toContain('its token could not be had');
    const good = { type: 'bearer', value: 't', http_header: { key: 'Authorization', value: 'Bearer t' } };
    setDestination({ ...oauth, authTokens: [good] });
    expect(await send.send(get(), NEVER)).toMatchObject({ status: 200 });
  });

  it('without a URL is trouble that says so', async () => {
    setDestination({ name: NAME });
    expect(troubleOf(await transport().send(get(), NEVER)).message).toContain('has no URL');
  });
});
