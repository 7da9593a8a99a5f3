/** What people are told of an alert, from its record and the catalogue. Pure. */
import type { AlertNotice, AlertRecord } from '../../alerts/port.ts';
import { ALERT_NAMES, ALERTS, eventTypeOf, type AlertKind } from './catalogue.ts';

export interface NoticeSender {
  /** As the platform names them. */
  readonly application: string;
  readonly space: string;
  /** Where the console is, if anywhere. */
  readonly consoleUrl: string | undefined;
}

/** Of a record that a newer version has left in the book. */
const UNKNOWN: Pick<AlertKind, 'severity' | 'title' | 'action'> = {
  severity: 'ERROR',
  title: 'An alert of a newer version of this program',
  action: 'See its documentation.',
};

const KINDS: ReadonlyMap<string, Pick<AlertKind, 'severity' | 'title' | 'action'>> = new Map(
  ALERT_NAMES.map((name) => [eventTypeOf(name), ALERTS[name]]),
);

export function noticeOf(record: AlertRecord, sender: NoticeSender): AlertNotice {
  const { key, eventType, territory, status, raisedAt, changedAt, detail, figures, count, version } = record;
  const { severity, title, action } = KINDS.get(eventType) ?? UNKNOWN;
  const { application, space, consoleUrl } = sender;
  const hasTold = record.toldVersion > 0 && (record.toldAt ?? 0) >= raisedAt;
  return {
    eventType,
    sourceEventId: ['territory-sync', application, space, key].join('/'),
    status: status === 'recovered' ? 'recovered' : hasTold ? 'updated' : 'raised',
    severity,
    ...(territory !== undefined && { territory }),
    title,
    detail: status === 'recovered' ? `It lasted ${lasted(changedAt - raisedAt)}. Before: ${detail}` : detail,
    action,
    raisedAt,
    changedAt,
    figures: { ...figures, ...(count > 0 && { count }) },
    ...(consoleUrl !== undefined && { link: consoleUrl }),
    version,
  };
}

function lasted(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
