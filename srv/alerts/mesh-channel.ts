/**
 * Alerts as CloudEvents of a type of their own on the failure topic, for whoever has no alert service bound. Those that tell of the
 * mesh's own absence arrive when it is back.
 */
import type { Mesh, PublishResult } from '../mesh/port.ts';
import { nameUuid } from '../platform/ids.ts';
import type { AlertChannel, AlertNotice } from './port.ts';

export interface MeshChannelOptions {
  readonly mesh: Pick<Mesh, 'publish'>;
  readonly topic: string;
  /** Of the event, for example `cx.territory.sync.alert.v1`. */
  readonly type: string;
  /** CloudEvents `source` of this program. */
  readonly source: string;
}

export function meshChannel({ mesh, topic, type, source }: MeshChannelOptions): AlertChannel {
  return {
    name: 'The failure topic',
    async send(notice, signal) {
      const event = alertEvent(notice, type, source);
      const publishing = mesh.publish({
        to: { kind: 'topic', name: topic },
        body: Buffer.from(JSON.stringify(event)),
        contentType: 'application/cloudevents+json',
        messageId: event.id,
      });
      const result = await unlessStopped(publishing, signal);
      switch (result.kind) {
        case 'accepted':
          return { kind: 'accepted' };
        case 'refused':
          return { kind: 'refused', reason: result.reason };
        case 'unconfirmed':
          return { kind: 'unavailable', reason: result.reason };
      }
    },
  };
}

/** The mesh gives up in its own time; whoever stops does not wait for that. */
function unlessStopped(publishing: Promise<PublishResult>, signal: AbortSignal): Promise<PublishResult> {
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve({ kind: 'unconfirmed', reason: 'stopping' });
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
    publishing.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** The same id whenever the same notice is sent again. */
function alertEvent(notice: AlertNotice, type: string, source: string) {
  const { sourceEventId, raisedAt, changedAt, version, territory, ...data } = notice;
  return {
    specversion: '1.0',
    id: nameUuid(JSON.stringify(['alert', sourceEventId, raisedAt, version])),
    type,
    source,
    subject: notice.eventType,
    time: new Date(changedAt).toISOString(),
    datacontenttype: 'application/json',
    data: {
      ...data,
      sourceEventId,
      version,
      ...(territory !== undefined && { territoryId: territory }),
      raisedAt: new Date(raisedAt).toISOString(),
      changedAt: new Date(changedAt).toISOString(),
    },
  };
}
