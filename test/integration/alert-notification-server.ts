/**
 * SAP Alert Notification as far as a producer sees it, over HTTPS: its token endpoint, and its producer API, which takes each of the
 * four logins and judges every event by the schema.
 */
import { createAuthority, type Authority, type Certified } from './own-authority.ts';
import { bodyOf, clientName, startLocalServer } from '../system/local-server.ts';

export interface ReceivedEvent {
  readonly eventType: string;
  readonly severity: string;
  readonly subject: string;
  readonly body: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface AlertNotificationServer {
  readonly url: string;
  readonly authority: Authority;
  /** A certificate for a client of that name. */
  clientCertificate(name: string): Certified;
  /** Events that were taken, in order. */
  readonly events: readonly ReceivedEvent[];
  /** What was wrong with events, by the schema. */
  readonly faults: readonly string[];
  /** How the producer API was logged in to, with each event. */
  readonly logins: readonly string[];
  /** Paths of the token requests, with their query. */
  readonly tokenRequests: readonly string[];
  /** Answers of the next requests to the producer API, before it works again; a header makes a redirect. */
  readonly nextAnswers: { status: number; headers?: Readonly<Record<string, string>>; text?: string }[];
  /** Answers of the next token requests. */
  readonly nextTokenAnswers: { status: number; text: string }[];
  tokenLifeS: number;
  revoke(): void;
  stop(): Promise<void>;
}

const SECRET = 'the secret';
const USER = `Basic ${Buffer.from('user:the password').toString('base64')}`;

/** The four bindings that it knows. */
export function bindingsOf(server: AlertNotificationServer) {
  const { url, authority } = server;
  const ca = authority.ca;
  const { cert: certificate, key: private_key } = server.clientCertificate('territory-sync');
  return {
    'OAuth with a secret': {
      url,
      oauth_url: `${url}/oauth/token?grant_type=client_credentials`,
      client_id: 'it',
      client_secret: SECRET,
      ca,
    },
    'OAuth with a certificate': {
      url,
      oauth_url: url,
      client_id: 'certified',
      certificate,
      private_key,
      ca,
    },
    basic: { url, username: 'user', password: 'the password', ca },
    mTLS: { url, certificate, private_key, ca },
  } as const;
}

export async function startAlertNotification(): Promise<AlertNotificationServer> {
  const authority = createAuthority();
  const { cert, key } = authority.certify();
  const events: ReceivedEvent[] = [];
  const faults: string[] = [];
  const logins: string[] = [];
  const tokenRequests: string[] = [];
  const nextAnswers: AlertNotificationServer['nextAnswers'] = [];
  const nextTokenAnswers: AlertNotificationServer['nextTokenAnswers'] = [];
  const tokens = new Set<string>();
  const server = await startLocalServer(
    (request, response) => {
      void bodyOf(request).then(
        (text) => {
          const answer = (status: number, body = '', headers: Readonly<Record<string, string>> = {}) =>
            response.writeHead(status, headers).end(body);
          const certified = clientName(request);
          if (request.url?.startsWith('/oauth/token')) {
            tokenRequests.push(request.url);
            const next = nextTokenAnswers.shift();
            if (next) return answer(next.status, next.text);
            const form = new URLSearchParams(text);
            const isKnown =
              (form.get('client_id') === 'it' && form.get('client_secret') === SECRET) ||
              (form.get('client_id') === 'certified' && certified === 'territory-sync');
            if (!isKnown || form.get('grant_type') !== 'client_credentials') return answer(401, text);
            const token = `token-${tokenRequests.length}`;
            tokens.add(`Bearer ${token}`);
            return answer(200, JSON.stringify({ access_token: token, expires_in: self.tokenLifeS }));
          }
          if (request.method !== 'POST' || request.url !== '/cf/producer/v1/resource-events')
            return answer(404);
          const next = nextAnswers.shift();
          if (next) return answer(next.status, next.text ?? '', next.headers);
          const { authorization } = request.headers;
          const login =
            authorization === undefined
              ? certified && 'certificate'
              : authorization === USER
                ? 'basic'
                : tokens.has(authorization) && 'token';
          if (!login) return answer(401, text);
          const event = JSON.parse(text) as ReceivedEvent;
          const wrong = faultsOf(event);
          faults.push(...wrong);
          if (wrong.length > 0) return answer(400, wrong.join('; '));
          logins.push(login);
          events.push(event);
          return answer(202);
        },
        () => response.destroy(),
      );
    },
    { cert, key, ca: [authority.ca], requestCert: true, rejectUnauthorized: false },
  );
  const self: AlertNotificationServer = {
    url: server.url,
    authority,
    clientCertificate: (name) => authority.certify(name),
    events,
    faults,
    logins,
    tokenRequests,
    nextAnswers,
    nextTokenAnswers,
    tokenLifeS: 3600,
    revoke: () => tokens.clear(),
    stop: () => server.stop(),
  };
  return self;
}

const MEMBERS: Readonly<Record<string, (value: unknown) => boolean>> = {
  eventType: (value) => typeof value === 'string' && /^TerritorySync[A-Za-z]+$/.test(value),
  // Seconds: milliseconds would be far in the future.
  eventTimestamp: (value) => Number.isInteger(value) && Number(value) < 10_000_000_000,
  severity: (value) => ['INFO', 'NOTICE', 'WARNING', 'ERROR', 'FATAL'].includes(String(value)),
  category: (value) => value === 'ALERT',
  subject: (value) => typeof value === 'string' && value.length > 0,
  body: (value) => typeof value === 'string' && value.length > 0,
  priority: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 1000,
  tags: (value) => Object.values(value as object).every((one) => typeof one === 'string'),
  resource: (value) => {
    const resource = value as Readonly<Record<string, unknown>>;
    return (
      Object.keys(resource).sort().join() === 'resourceInstance,resourceName,resourceType' &&
      Object.values(resource).every((one) => typeof one === 'string' && one !== '') &&
      resource['resourceType'] === 'application'
    );
  },
};

function faultsOf(event: object): readonly string[] {
  const unknown = Object.keys(event).filter((name) => !(name in MEMBERS));
  const wrong = Object.entries(MEMBERS).filter(
    ([name, fits]) => !fits((event as Readonly<Record<string, unknown>>)[name]),
  );
  const tags = (event as ReceivedEvent).tags;
  const status = tags['ans:status'] ?? '';
  return [
    ...unknown.map((name) => `${name} is no member of an event`),
    ...wrong.map(([name]) => `${name} is wrong`),
    ...(['CREATE_OR_UPDATE', 'CLOSE'].includes(status) ? [] : [`ans:status is ${status}`]),
    ...(tags['ans:sourceEventId'] ? [] : ['ans:sourceEventId is missing']),
  ];
}
