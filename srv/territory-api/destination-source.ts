/**
 * Finds the destination and keeps it. The SDK's own cache keeps a destination for its token's whole life, to the last second:
 * an edited one goes unnoticed for hours and a token expires in flight. So it is switched off and this one stands in its place.
 */
import { getDestination } from '@sap-cloud-sdk/connectivity';
import type { Destination, HttpDestination } from '@sap-cloud-sdk/connectivity';
import { clientCredentialsTokenCache } from '@sap-cloud-sdk/connectivity/internal';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Deadline } from './deadline.ts';
import type { ApiTrouble } from './port.ts';
import { causes, codeSuffix, textOf } from './trouble.ts';

/** Asked anew after this long, so that an edit in the cockpit is seen within it. */
const FRESH_MS = 5 * 60_000;
/** While the destination service is down a known destination is used on, until its token ends or for this long. */
const USABLE_MS = 60 * 60_000;
/** So long after a look-up that failed the next one is tried. */
const ASK_AGAIN_MS = 10_000;
/** A token that ends sooner is not used for another request. */
const TOKEN_MARGIN_MS = 30_000;

/**
 * The destination cannot be used; one line says why and what to do. `unreachable`: it could not be asked for, so that what was known of
 * it may still hold; `unusable`: it was found to be missing or wrong.
 */
export class DestinationError extends Error {
  readonly code = 'TERRITORY_DESTINATION';
  override readonly name = 'DestinationError';
  readonly kind: 'unreachable' | 'unusable';

  constructor(kind: 'unreachable' | 'unusable', message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface DestinationSource {
  /** The destination, from the cache while it is fresh; several callers share one look-up. @throws DestinationError */
  get(): Promise<HttpDestination>;
  /** Its credentials were refused: the next `get` asks anew. Only the first of several callers with the same one counts. */
  forget(refused: HttpDestination): void;
  /** Nobody waits for the look-up under way any more: the next `get` begins another one. What it finds counts all the same. */
  abandon(): void;
}

interface Known {
  readonly destination: HttpDestination;
  readonly freshUntilMs: number;
  readonly usableUntilMs: number;
}

/** A source for the destination of that name, as the Cloud SDK finds it: `destinations` variable, bindings, destination service. */
export function createDestinationSource(options: {
  readonly destinationName: string;
  readonly clock: Clock;
  readonly log: Log;
}): DestinationSource {
  const { destinationName, clock, log } = options;
  let known: Known | undefined;
  let asking: Promise<HttpDestination> | undefined;

  async function ask(): Promise<HttpDestination> {
    const before = known;
    if (before !== undefined) dropProxyToken(before.destination);
    try {
      const destination = await findDestination(destinationName);
      const tokenMs = Math.min(tokenLifetimeMs(destination), proxyTokenLifetimeMs(destination, clock.now()));
      const nowMs = clock.monotonicMs();
      known = {
        destination,
        freshUntilMs: nowMs + Math.min(FRESH_MS, tokenMs),
        usableUntilMs: nowMs + Math.min(USABLE_MS, tokenMs),
      };
      return destination;
    } catch (error) {
      const outage = error instanceof DestinationError && error.kind === 'unreachable';
      const nowMs = clock.monotonicMs();
      if (!outage || before === undefined || before !== known || nowMs >= before.usableUntilMs) throw error;
      log.warn('destination could not be asked for anew; the known one is used on', {
        destination: destinationName,
        reason: error.message,
      });
      known = { ...before, freshUntilMs: Math.min(nowMs + ASK_AGAIN_MS, before.usableUntilMs) };
      return before.destination;
    }
  }

  function askOnce(): Promise<HttpDestination> {
    const own = ask().finally(() => {
      if (asking === own) asking = undefined;
    });
    return own;
  }

  return {
    get() {
      if (known !== undefined && clock.monotonicMs() < known.freshUntilMs)
        return Promise.resolve(known.destination);
      asking ??= askOnce();
      return asking;
    },
    abandon() {
      asking = undefined;
    },
    forget(refused) {
      if (known?.destination !== refused) return;
      known = undefined;
      dropProxyToken(refused);
    },
  };
}

/** What it is called when the request's time was over before the look-up was. The next request asks anew. */
export function unansweredLookUp(
  source: Pick<DestinationSource, 'abandon'>,
  deadline: Pick<Deadline, 'isOver' | 'reason'>,
  destinationName: string,
): ApiTrouble {
  if (!deadline.isOver) return { reason: 'timeout', message: deadline.reason() };
  source.abandon();
  const silent = 'of the destination service or a token service';
  return { reason: 'destination', message: `destination ${destinationName}: ${deadline.reason()} ${silent}` };
}

/**
 * Looks a destination up once and checks that a background program can use it.
 * @throws DestinationError without the SDK's error as cause: that one may hold tokens.
 */
export async function findDestination(destinationName: string): Promise<HttpDestination> {
  let destination: Destination | null;
  try {
    destination = await getDestination({ destinationName, useCache: false });
  } catch (error) {
    throw whyNotFound(destinationName, error);
  }
  if (destination === null) {
    throw new DestinationError(
      'unusable',
      `destination ${destinationName} does not exist; create it, or correct TERRITORY_DESTINATION`,
    );
  }
  refuseUnfitting(destinationName, destination);
  if (!isHttp(destination)) {
    throw new DestinationError(
      'unusable',
      `destination ${destinationName} has no URL or is not of type HTTP; correct it in the cockpit`,
    );
  }
  const tokens = destination.authTokens ?? [];
  if (tokens.length > 0 && tokens.every((token) => token.error)) {
    throw new DestinationError(
      'unreachable',
      `destination ${destinationName}: its token could not be had; check its token service URL, client id and secret`,
    );
  }
  return destination;
}

function isHttp(destination: Destination): destination is HttpDestination {
  return Boolean(destination.url) && (destination.type === undefined || destination.type === 'HTTP');
}

const USER_BASED: ReadonlySet<string> = new Set([
  'PrincipalPropagation',
  'SAMLAssertion',
  'OAuth2UserTokenExchange',
  'OAuth2JWTBearer',
  'OAuth2RefreshToken',
]);

const TECHNICAL: ReadonlySet<string> = new Set([
  'NoAuthentication',
  'BasicAuthentication',
  'ClientCertificateAuthentication',
  'OAuth2ClientCredentials',
  'OAuth2Password',
]);

/** A queue's messages come with no signed-in user, so a type that needs one can never work here. */
function refuseUnfitting(name: string, { authentication, systemUser, forwardAuthToken }: Destination): void {
  if (forwardAuthToken) throw unfitting(name, 'forwardAuthToken', NEEDS_A_USER);
  if (authentication === undefined || TECHNICAL.has(authentication)) return;
  const samlBearer = authentication === 'OAuth2SAMLBearerAssertion';
  if (samlBearer && systemUser) return;
  const why = samlBearer || USER_BASED.has(authentication) ? NEEDS_A_USER : 'which is not supported';
  // Written by a person, it is not always of the type that the SDK promises.
  throw unfitting(name, textOf(authentication).slice(0, 40) || 'an authentication that is no text', why);
}

const NEEDS_A_USER = 'which needs a signed-in user';

function unfitting(name: string, authentication: string, why: string): DestinationError {
  return new DestinationError(
    'unusable',
    `destination ${name} uses ${authentication}, ${why}; ` +
      `use BasicAuthentication, OAuth2ClientCredentials or ClientCertificateAuthentication`,
  );
}

/** The SDK tells its reasons in prose only; nothing of that prose is passed on, for it may quote an answer. */
function whyNotFound(name: string, error: unknown): DestinationError {
  const prose = causes(error)
    .map((cause) => textOf(cause['message']))
    .join('\n');
  const needsUser = /strictly necessary for '(\w{1,40})'/.exec(prose)?.[1];
  if (needsUser !== undefined) return unfitting(name, needsUser, NEEDS_A_USER);
  const unreachable = (line: string) => new DestinationError('unreachable', `destination ${name}${line}`);
  const unusable = (line: string) => new DestinationError('unusable', `destination ${name}${line}`);
  const tokenFor = /token for service of type \W?(destination|connectivity)/.exec(prose)?.[1];
  if (tokenFor !== undefined) {
    const failed = codeSuffix(error);
    return unreachable(
      `: no token for the ${tokenFor} service can be had${failed}; check its token server, or bind it anew`,
    );
  }
  if (/service binding of type 'destination'/.test(prose)) {
    return unreachable(
      ` not found: no destination service is bound and the variable 'destinations' does not name it; bind or set one`,
    );
  }
  if (/status code 404/.test(prose)) {
    return unusable(
      ' does not exist in the destination service; create it, or correct TERRITORY_DESTINATION',
    );
  }
  if (/status code 40[13]/.test(prose)) {
    return unreachable(': the destination service refuses this application; bind it anew');
  }
  if (/binding to a connectivity service/.test(prose)) {
    return unusable(' is on-premise and no connectivity service is bound; bind one');
  }
  return unreachable(
    ` cannot be resolved${codeSuffix(error)}; check the destination service and its binding`,
  );
}

/** The SDK keeps the token for the connectivity proxy to its last second, refused or not: the next look-up gets a new one. */
function dropProxyToken({ proxyType }: HttpDestination): void {
  if (proxyType === 'OnPremise') clientCredentialsTokenCache.clear();
}

/** How long the destination's token may be used, a margin taken off; infinite where there is none. */
function tokenLifetimeMs(destination: HttpDestination): number {
  const life: unknown = destination.authTokens?.[0]?.expiresIn;
  const seconds = typeof life === 'number' ? life : Number(textOf(life));
  if (!Number.isFinite(seconds) || seconds <= 0) return Number.POSITIVE_INFINITY;
  return withMargin(seconds * 1000);
}

/** Half of a short life, all but the margin of a longer one. */
function withMargin(lifetimeMs: number): number {
  return Math.max(lifetimeMs - TOKEN_MARGIN_MS, lifetimeMs / 2);
}

/** How long the connectivity proxy takes the token that was had for it; infinite without a proxy or where the token does not say. */
function proxyTokenLifetimeMs({ proxyConfiguration }: HttpDestination, nowMs: number): number {
  const header: unknown = proxyConfiguration?.headers?.['Proxy-Authorization'];
  const claims = typeof header === 'string' ? /^Bearer [^.]+\.([^.]+)\./.exec(header)?.[1] : undefined;
  if (claims === undefined) return Number.POSITIVE_INFINITY;
  const seconds = /"exp"\s*:\s*(\d{1,12})\b/.exec(Buffer.from(claims, 'base64url').toString())?.[1];
  return seconds === undefined
    ? Number.POSITIVE_INFINITY
    : withMargin(Math.max(Number(seconds) * 1000 - nowMs, 0));
}
