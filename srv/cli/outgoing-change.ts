/** From a document to the event that is published, checked with the service's own reader. Pure. */
import { changeKey } from '../events/change.ts';
import { readChange, type InboundContext } from '../events/inbound.ts';
import { isObject } from '../events/json.ts';
import type { Document } from './documents.ts';

/** A change that the service will be able to read. */
export interface OutgoingChange {
  readonly id: string;
  readonly source: string;
  readonly territoryId: string;
  readonly body: Buffer;
}

export interface EnvelopeParts extends InboundContext {
  readonly uuid: () => string;
  /** RFC 3339. */
  readonly time: string;
}

export const CONTENT_TYPE = 'application/cloudevents+json';

/** Source of the events whose file holds their data only. */
const SOURCE = '/territory-sync/command-line';

/** @returns the changes in order; a line for each document that is none. */
export function readOutgoing(
  documents: readonly Document[],
  parts: EnvelopeParts,
): { readonly changes: readonly OutgoingChange[]; readonly problems: readonly string[] } {
  const changes: OutgoingChange[] = [];
  const problems: string[] = [];
  const seen = new Map<string, string>();
  for (const { place, value } of documents) {
    const body = bytesOf(enveloped(value, parts));
    if (body === undefined) {
      problems.push(`${place} is nested too deeply to be a change: fields hold plain values`);
      continue;
    }
    const parsed = readChange({ body, contentType: CONTENT_TYPE, properties: {} }, parts);
    if (parsed.kind === 'unreadable') {
      problems.push(`${place}: ${parsed.message}`);
      continue;
    }
    const { id, source, territoryId } = parsed.change;
    const key = changeKey(parsed.change);
    const earlier = seen.get(key);
    if (earlier === undefined) changes.push({ id, source, territoryId, body });
    else problems.push(`${place} has the source and id of ${earlier}: give every change an id of its own`);
    seen.set(key, earlier ?? place);
  }
  return { changes, problems };
}

/** Undefined where it is nested too deeply: JSON is read without recursion, but written with it. */
function bytesOf(value: unknown): Buffer | undefined {
  try {
    return Buffer.from(JSON.stringify(value));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A CloudEvent as it is; what looks like the data of one in an envelope. */
function enveloped(value: unknown, { eventType, uuid, time }: EnvelopeParts): unknown {
  if (!isObject(value) || Object.hasOwn(value, 'specversion')) return value;
  return {
    specversion: '1.0',
    id: uuid(),
    source: SOURCE,
    type: eventType,
    time,
    datacontenttype: 'application/json',
    data: value,
  };
}
