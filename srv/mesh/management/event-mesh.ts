/**
 * Queue management of SAP Event Mesh, standalone and as a capability of SAP Integration Suite: the same calls below different bases.
 * Names are one fully encoded path segment, otherwise the API answers 404.
 */
import type { OAuthClient } from '../endpoint.ts';
import type { PropertyValue, QueueAdministration, QueueProperties } from './administration.ts';
import { ACCESS_TYPE, EXCLUSIVE, eventMeshRequirements, SETTABLE } from './event-mesh-queue.ts';
import { createJsonApi } from './json-api.ts';
import type { ManagementParts } from './patience.ts';
import { wrongAnswer } from './problem.ts';
import { createTokenSource } from './token.ts';

export interface EventMeshManagement {
  /** From the binding: the hub's address, or the API's base itself. */
  readonly uri: string;
  readonly oauth: OAuthClient;
  readonly ca?: string;
}

const PRODUCT = 'SAP Event Mesh';
const WHAT = `${PRODUCT}'s management API`;
const STANDALONE_BASE = '/hub/rest/api/v1/management/messaging';

/** Base of the calls: a URI that names the API's path is taken as it is, any other is the hub of the standalone service. */
export function eventMeshBase(uri: string): string {
  const { origin, pathname } = new URL(uri);
  const path = pathname.replace(/\/+$/, '');
  return origin + (path.includes('/rest/api/') ? path : path + STANDALONE_BASE);
}

export function createEventMeshAdministration(
  { uri, oauth, ca }: EventMeshManagement,
  parts: ManagementParts,
): QueueAdministration {
  const trust = ca === undefined ? {} : { ca };
  const tokens = createTokenSource(oauth, { ...parts, ...trust });
  const api = createJsonApi({
    ...parts,
    ...trust,
    what: WHAT,
    base: eventMeshBase(uri),
    credentials: {
      get: async () => `Bearer ${await tokens.get()}`,
      refused(header) {
        tokens.drop(header.slice('Bearer '.length));
        return 'may-differ-now';
      },
    },
  });
  const queuePath = (queue: string) => `/queues/${encodeURIComponent(queue)}`;
  const subscriptionPath = (queue: string, pattern: string) =>
    `${queuePath(queue)}/subscriptions/${encodeURIComponent(pattern)}`;

  return {
    product: PRODUCT,
    exclusive: { property: ACCESS_TYPE, value: EXCLUSIVE, unshown: 'unknown' },
    remedy: 'stop what receives from it, let it run empty, delete it in the cockpit and run the set-up again',
    requirements: eventMeshRequirements,
    pattern: (topic) => topic,
    // Only the standalone product has this check; where it is missing there is nothing to wait for.
    ready: () => api.untilReady({ doing: 'the readiness check', method: 'GET', path: '/readinessCheck' }),
    async get(queue) {
      const doing = `reading queue ${queue}`;
      const result = await api.find({ doing, method: 'GET', path: queuePath(queue) });
      return result && settable(result.body, doing);
    },
    async put(queue, properties) {
      const doing = `setting up queue ${queue}`;
      await api.call({ doing, method: 'PUT', path: queuePath(queue), body: properties });
    },
    async subscriptions(queue) {
      const doing = `reading the subscriptions of queue ${queue}`;
      const path = `${queuePath(queue)}/subscriptions`;
      return patternsIn(await api.call({ doing, method: 'GET', path }), doing);
    },
    async addSubscription(queue, pattern) {
      const doing = `subscribing queue ${queue} to ${pattern}`;
      await api.call({ doing, method: 'PUT', path: subscriptionPath(queue, pattern) });
    },
    async removeSubscription(queue, pattern) {
      // Gone already is as good as removed.
      const doing = `unsubscribing queue ${queue} from ${pattern}`;
      await api.find({ doing, method: 'DELETE', path: subscriptionPath(queue, pattern) });
    },
  };
}

/** What can be set; counts and other figures are left out. An empty `deadMsgQueue` is none. */
function settable(body: unknown, doing: string): QueueProperties {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw wrongAnswer(WHAT, doing);
  const properties: Record<string, PropertyValue> = {};
  for (const name of SETTABLE) {
    const value: unknown = (body as Readonly<Record<string, unknown>>)[name];
    if (
      (typeof value === 'string' && value !== '') ||
      typeof value === 'number' ||
      typeof value === 'boolean'
    ) {
      properties[name] = value;
    }
  }
  return properties;
}

function patternsIn(body: unknown, doing: string): readonly string[] {
  if (!Array.isArray(body)) throw wrongAnswer(WHAT, doing);
  return body.map((entry: unknown) => {
    const pattern =
      typeof entry === 'object' && entry !== null && 'topicPattern' in entry && entry.topicPattern;
    if (typeof pattern !== 'string') throw wrongAnswer(WHAT, doing);
    return pattern;
  });
}
