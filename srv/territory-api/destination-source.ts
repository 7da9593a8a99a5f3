/**
 * Finds the destination and keeps it. The SDK's own cache keeps a destination for its token's whole life, to the last second:
 * an edited one goes unnoticed for hours and a token expires in flight. So it is switched off and this one stands in its place.
 */
import { getDestination } from '@sap-cloud-sdk/connectivity';
import type { Destination, HttpDestination } from '@sap-cloud-sdk/connectivity';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { causes, codeSuffix, textOf } from './trouble.ts';

/** Asked anew after this long, so that an edit in the cockpit is seen within it. */
const FRESH_MS = 5 * 60_000;
/** While the destination service is down a known destination is used on, until its token ends or for this long. */
const USABLE_MS = 60 * 60_000;
/** A token that ends sooner is not used for another request. */
const TOKEN_MARGIN_MS = 30_000;

/** The destination cannot be used; one line says why and what to do. */
export class DestinationError extends Error {
  readonly code = 'TERRITORY_DESTINATION';
  override readonly name = 'DestinationError';
}

export interface DestinationSource {
  /** The destination, from the cache while it is fresh; several callers share one look-up. @throws DestinationError */
  get(): Promise<HttpDestination>;
  /** Its credentials were refused: the next `get` asks anew. Only the first of several callers with the same one counts. */
  forget(refused: HttpDestination): void;
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
    try {
      const destination = await findDestination(destinationName);
      const tokenMs = tokenLifetimeMs(destination);
      const nowMs = clock.monotonicMs();
      known = {
        destination,
        freshUntilMs: nowMs + Math.min(FRESH_MS, tokenMs),
        usableUntilMs: nowMs + Math.min(USABLE_MS, tokenMs),
      };
      return destination;
    } catch (error) {
      if (before === undefined || before !== known || clock.monotonicMs() >= before.usableUntilMs)
        throw error;
      log.warn('destination could not be asked for anew; the known one is used on', {
        destination: destinationName,
        reason: error instanceof DestinationError ? error.message : 'unknown',
      });
      return before.destination;
    } finally {
      asking = undefined;
    }
  }

  return {
    get() {
      if (known !== undefined && clock.monotonicMs() < known.freshUntilMs)
        return Promise.resolve(known.destination);
      asking ??= ask();
      return asking;
    },
    forget(refused) {
      if (known?.destination === refused) known = undefined;
    },
  };
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
    throw new DestinationError(whyNotFound(destinationName, error));
  }
  if (destination === null) {
    throw new DestinationError(
      `destination ${destinationName} does not exist; create it, or correct TERRITORY_DESTINATION`,
    );
  }
  refuseUserBased(destinationName, destination);
  if (!isHttp(destination)) {
    throw new DestinationError(
      `destination ${destinationName} has no URL or is not of type HTTP; correct it in the cockpit`,
    );
  }
  const tokens = destination.authTokens ?? [];
  if (tokens.length > 0 && tokens.every((token) => token.error)) {
    throw new DestinationError(
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

/** A queue's messages come with no signed-in user, so these types can never work here. */
function refuseUserBased(name: string, { authentication, systemUser, forwardAuthToken }: Destination): void {
  if (forwardAuthToken) throw new DestinationError(userBased(name, 'forwardAuthToken'));
  const needsUser =
    authentication !== undefined &&
    (USER_BASED.has(authentication) || (authentication === 'OAuth2SAMLBearerAssertion' && !systemUser));
  if (needsUser) throw new DestinationError(userBased(name, authentication));
}

function userBased(name: string, authentication: string): string {
  return (
    `destination ${name} uses ${authentication}, which needs a signed-in user; ` +
    `use BasicAuthentication, OAuth2ClientCredentials or ClientCertificateAuthentication`
  );
}

/** The SDK tells its reasons in prose only; nothing of that prose is passed on, for it may quote an answer. */
function whyNotFound(name: string, error: unknown): string {
  const prose = causes(error)
    .map((cause) => textOf(cause['message']))
    .join('\n');
  const needsUser = /strictly necessary for '(\w{1,40})'/.exec(prose)?.[1];
  if (needsUser !== undefined) return userBased(name, needsUser);
  if (/service binding of type 'destination'/.test(prose)) {
    return `destination ${name} not found: no destination service is bound and the variable 'destinations' does not name it; bind or set one`;
  }
  if (/status code 404/.test(prose)) {
    return `destination ${name} does not exist in the destination service; create it, or correct TERRITORY_DESTINATION`;
  }
  if (/status code 40[13]/.test(prose)) {
    return `destination ${name}: the destination service refuses this application; bind it anew`;
  }
  return `destination ${name} cannot be resolved${codeSuffix(error)}; check the destination service and its binding`;
}

/** How long the destination's token may be used, a margin taken off; infinite where there is none. */
function tokenLifetimeMs(destination: HttpDestination): number {
  const seconds = Number(destination.authTokens?.[0]?.expiresIn);
  if (!Number.isFinite(seconds) || seconds <= 0) return Number.POSITIVE_INFINITY;
  return Math.max(seconds * 1000 - TOKEN_MARGIN_MS, (seconds * 1000) / 2);
}
