/** Alerts as lines of the log: always, whatever else they go to. */
import type { Log } from '../platform/log.ts';
import type { AlertChannel, AlertNotice } from './port.ts';

export function logChannel(log: Log): AlertChannel {
  return {
    name: 'The log',
    async send(notice) {
      const level = notice.status === 'recovered' ? 'info' : notice.severity === 'ERROR' ? 'error' : 'warn';
      log[level](line(notice), {
        alert: notice.eventType,
        alertStatus: notice.status,
        ...(notice.territory !== undefined && { territoryId: notice.territory }),
        detail: notice.detail,
        ...notice.figures,
        ...(notice.status !== 'recovered' && { action: notice.action }),
      });
      return { kind: 'accepted' };
    },
  };
}

function line({ status, title }: AlertNotice): string {
  switch (status) {
    case 'raised':
      return `Alert: ${title}`;
    case 'updated':
      return `Alert, updated: ${title}`;
    case 'recovered':
      return `Alert recovered: ${title}`;
  }
}
