/**
 * The queue management REST API as Event Mesh has it: names are one percent-encoded path segment, 201 for what was
 * created, 200 for what existed, 204 for what was deleted. Pure of HTTP: a request in, an answer out.
 */
import type { Broker } from './broker.ts';
import { SandboxMeshError } from './errors.ts';
import type { Answer } from './http-answer.ts';
import type { MessageQueue } from './queue.ts';
import type { QueueOptions } from './queue-settings.ts';

export interface ManagementRequest {
  readonly method: string;
  /** Path below the API's base, still encoded, beginning with `/`. */
  readonly path: string;
  readonly body: string;
}

const NOT_FOUND: Answer = { status: 404, body: { message: 'Not found' } };

/** Answers a request whose token was checked. */
export function answerManagement(broker: Broker, request: ManagementRequest): Answer {
  const segments = decodeSegments(request.path);
  if (!segments) return { status: 400, body: { message: 'The path is not properly encoded' } };
  const [collection, queue, below, pattern] = segments;
  if (collection === 'readinessCheck' && segments.length === 1) return { status: 200, body: { ready: true } };
  if (collection !== 'queues' || segments.length > 4) return NOT_FOUND;
  try {
    if (queue === undefined) return listQueues(broker, request);
    if (below === undefined) return answerQueue(broker, queue, request);
    if (below !== 'subscriptions' || !broker.find(queue)) return NOT_FOUND;
    return answerSubscription(broker, queue, pattern, request);
  } catch (error) {
    if (!(error instanceof SandboxMeshError)) throw error;
    return { status: error.code === 'MESH_FIXED_SETTING' ? 409 : 400, body: { message: error.message } };
  }
}

function decodeSegments(path: string): readonly string[] | undefined {
  try {
    return path
      .replace(/^\/|\/$/g, '')
      .split('/')
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function listQueues(broker: Broker, { method }: ManagementRequest): Answer {
  return method === 'GET' ? { status: 200, body: broker.queues().map(describeQueue) } : notAllowed('GET');
}

function answerQueue(broker: Broker, name: string, { method, body }: ManagementRequest): Answer {
  const existing = broker.find(name);
  switch (method) {
    case 'GET':
      return existing ? { status: 200, body: describeQueue(existing) } : NOT_FOUND;
    case 'PUT': {
      const options = parseOptions(body);
      if (!options)
        return { status: 400, body: { message: 'The body must be a JSON object, even if empty' } };
      const status = broker.declare(name, options) === 'created' ? 201 : 200;
      return { status, body: describeQueue(broker.get(name)) };
    }
    case 'DELETE':
      if (!existing) return NOT_FOUND;
      broker.delete(name);
      return { status: 204 };
    default:
      return notAllowed('GET, PUT, DELETE');
  }
}

function answerSubscription(
  broker: Broker,
  queue: string,
  pattern: string | undefined,
  { method }: ManagementRequest,
): Answer {
  const { patterns } = broker.get(queue);
  if (pattern === undefined) {
    const list = [...patterns].map((topicPattern) => ({ queueName: queue, topicPattern }));
    return method === 'GET' ? { status: 200, body: list } : notAllowed('GET');
  }
  const subscription = { queueName: queue, topicPattern: pattern };
  switch (method) {
    case 'GET':
      return patterns.has(pattern) ? { status: 200, body: subscription } : NOT_FOUND;
    case 'PUT':
      return { status: broker.subscribe(queue, pattern) === 'created' ? 201 : 200, body: subscription };
    case 'DELETE':
      return patterns.delete(pattern) ? { status: 204 } : NOT_FOUND;
    default:
      return notAllowed('GET, PUT, DELETE');
  }
}

/** A queue as the API describes it. */
function describeQueue(queue: MessageQueue): Record<string, unknown> {
  const { ready, unsettled } = queue.depth();
  return {
    name: queue.name,
    ...queue.settings,
    messageCount: ready + unsettled,
    unacknowledgedMessageCount: unsettled,
    queueSizeInBytes: queue.sizeBytes,
  };
}

/** `{}` is as good as nothing here; standalone Event Mesh takes both. */
function parseOptions(body: string): QueueOptions | undefined {
  try {
    const parsed: unknown = JSON.parse(body === '' ? '{}' : body);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function notAllowed(allow: string): Answer {
  return { status: 405, headers: { allow }, body: { message: `Allowed: ${allow}` } };
}
