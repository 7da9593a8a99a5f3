/** A notice as SAP Alert Notification's producer API takes it. Pure. */
import type { AlertNotice } from '../port.ts';

/** Who the event is about: this application, one of its instances. */
export interface AlertResource {
  readonly name: string;
  readonly instanceIndex: number;
}

export interface ProducerEvent {
  readonly eventType: string;
  /** Epoch seconds. */
  readonly eventTimestamp: number;
  readonly severity: 'WARNING' | 'ERROR';
  readonly category: 'ALERT';
  readonly subject: string;
  readonly body: string;
  /** 1–1000. */
  readonly priority: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly resource: {
    readonly resourceName: string;
    readonly resourceType: 'application';
    readonly resourceInstance: string;
  };
}

const PRIORITY = { ERROR: 500, WARNING: 300 } as const;

/** `CREATE_OR_UPDATE` also for the first one: an instance that sends it again then makes no second alert of it. */
export function producerEvent(notice: AlertNotice, resource: AlertResource): ProducerEvent {
  const { eventType, severity, status, title, detail, action, figures, link, territory } = notice;
  const isOver = status === 'recovered';
  const subject = `${isOver ? 'Recovered: ' : ''}${title}${territory === undefined ? '' : ` (${territory})`}`;
  return {
    eventType,
    eventTimestamp: Math.floor(notice.changedAt / 1000),
    severity,
    category: 'ALERT',
    subject,
    body: isOver ? detail : `${detail}. ${action}`,
    priority: PRIORITY[severity],
    tags: {
      'ans:sourceEventId': notice.sourceEventId,
      'ans:status': isOver ? 'CLOSE' : 'CREATE_OR_UPDATE',
      ...(link !== undefined && { 'ans:detailsLink': link }),
      raisedAt: new Date(notice.raisedAt).toISOString(),
      ...(territory !== undefined && { territoryId: territory }),
      ...Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, String(value)])),
    },
    resource: {
      resourceName: resource.name,
      resourceType: 'application',
      resourceInstance: String(resource.instanceIndex),
    },
  };
}
