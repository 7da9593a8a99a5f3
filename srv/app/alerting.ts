/** Alerts put together: the book that keeps them, the channel that carries them to people, and the watch that raises them. */
import { EnduringAlertBook } from '../alerts/enduring-book.ts';
import { logChannel } from '../alerts/log-channel.ts';
import { MemoryAlertBook } from '../alerts/memory-book.ts';
import { meshChannel } from '../alerts/mesh-channel.ts';
import { notificationChannel } from '../alerts/notification/channel.ts';
import type { AlertEndpoint } from '../alerts/endpoint.ts';
import type { AlertBook, AlertChannel } from '../alerts/port.ts';
import type { Application } from '../config/application.ts';
import type { Settings } from '../config/settings.ts';
import type { Mesh } from '../mesh/port.ts';
import { noticeOf } from '../monitor/alerts/notice.ts';
import type { Observed } from '../monitor/alerts/observed.ts';
import { AlertTeller } from '../monitor/alerts/teller.ts';
import { AlertWatch, type Incidents } from '../monitor/alerts/watch.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';

export interface AlertingParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly mesh: Pick<Mesh, 'publish'>;
  /** Names this process among all that share the book. */
  readonly instance: string;
  /** Absent: alerts are kept in memory. */
  readonly book?: AlertBook;
  /** Of SAP Alert Notification; absent: alerts go to the mesh. */
  readonly endpoint?: AlertEndpoint;
  readonly observe: () => Promise<Omit<Observed, 'happened'>>;
}

export interface Alerting {
  readonly incidents: Incidents;
  start(): void;
  stop(): Promise<void>;
}

/** Outside Cloud Foundry there is no space. */
const NO_SPACE = 'local';

export function createAlerting(settings: Settings, application: Application, parts: AlertingParts): Alerting {
  const { clock, random, log, instance, observe } = parts;
  const memory = new MemoryAlertBook(clock);
  const book = parts.book ? new EnduringAlertBook({ shared: parts.book, memory, clock, log }) : memory;
  const sender = {
    application: application.name,
    space: application.space ?? NO_SPACE,
    consoleUrl: settings.http.consoleUrl,
  };
  const teller = new AlertTeller({
    book,
    log: logChannel(log),
    channel: channelOf(settings, application, parts),
    notice: (record) => noticeOf(record, sender),
    clock,
    random,
    lines: log,
  });
  const watch = new AlertWatch({
    book,
    observe,
    tell: () => void teller.tell(),
    instance,
    raiseAfterMs: { MeshDisconnected: settings.mesh.disconnectedAlertS * 1000 },
    clock,
    log,
  });
  return {
    incidents: watch,
    start: () => watch.start(),
    async stop() {
      await watch.stop();
      await teller.stop();
    },
  };
}

function channelOf(
  settings: Settings,
  application: Application,
  { endpoint, clock, mesh }: AlertingParts,
): AlertChannel {
  if (endpoint) {
    const resource = { name: application.name, instanceIndex: application.instanceIndex };
    return notificationChannel({ endpoint, resource, clock });
  }
  return meshChannel({
    mesh,
    topic: settings.mesh.failureTopic,
    type: settings.alerts.eventType,
    source: application.source,
  });
}
