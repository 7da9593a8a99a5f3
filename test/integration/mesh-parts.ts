/** What the tests of the mesh layer share: a mesh with short times, and doubles that remember what they were told. */
import { createMesh, type MeshEndpoint, type MeshOptions } from '../../srv/mesh/index.ts';
import type { Delivery, DeliveryHandler, Mesh } from '../../srv/mesh/port.ts';
import { systemClock, type Clock } from '../../srv/platform/clock.ts';
import type { Log, LogFields } from '../../srv/platform/log.ts';
import { systemRandom } from '../../srv/platform/random.ts';
import type { SandboxMesh } from '../sandbox/mesh/index.ts';
import { relayTo, type Relay } from './relay.ts';

/** Production's times, about a hundredth. */
export const hundredth = {
  connectTimeoutMs: 300,
  closeTimeoutMs: 500,
  drainTimeoutMs: 300,
  renewDrainTimeoutMs: 100,
  renewBeforeMs: 3_000,
  attachTimeoutMs: 300,
  stableMs: 600,
  backoff: { firstMs: 20, maxMs: 300 },
  longWaitMs: 150,
  lookEveryMs: 25,
  askAfterMs: 50,
  silentAfterMs: 500,
  publishTimeoutMs: 400,
} satisfies Partial<MeshOptions>;

/** The same with patience for what works: a busy machine is slow. What never answers is for `hundredth`. */
export const shortTimes = {
  ...hundredth,
  connectTimeoutMs: 5_000,
  renewDrainTimeoutMs: 1_500,
  attachTimeoutMs: 5_000,
  silentAfterMs: 3_000,
  publishTimeoutMs: 4_000,
} satisfies Partial<MeshOptions>;

/** The system's clock, which also counts the timers that are set. */
export class CountingClock implements Clock {
  timers = 0;
  now = () => systemClock.now();
  monotonicMs = () => systemClock.monotonicMs();

  after(delayMs: number, action: () => void): { cancel(): void } {
    this.timers++;
    let set = true;
    const unset = (): void => {
      if (set) this.timers--;
      set = false;
    };
    const timer = systemClock.after(delayMs, () => {
      unset();
      action();
    });
    return {
      cancel: () => {
        unset();
        timer.cancel();
      },
    };
  }
}

export class RecordingLog implements Log {
  readonly lines: { level: string; message: string; fields: LogFields }[] = [];
  debug = (message: string, fields: LogFields = {}) =>
    void this.lines.push({ level: 'debug', message, fields });
  info = (message: string, fields: LogFields = {}) =>
    void this.lines.push({ level: 'info', message, fields });
  warn = (message: string, fields: LogFields = {}) =>
    void this.lines.push({ level: 'warn', message, fields });
  error = (message: string, fields: LogFields = {}) =>
    void this.lines.push({ level: 'error', message, fields });
  child = (): Log => this;

  /** Failed attempts to connect, as reported. */
  get failures(): { code: unknown; retryInMs: number }[] {
    return this.lines
      .filter(({ fields }) => typeof fields['code'] === 'string')
      .map(({ fields }) => ({ code: fields['code'], retryInMs: Number(fields['retryInMs']) }));
  }

  get defects(): unknown[] {
    return this.lines.filter(({ level }) => level === 'error');
  }
}

/** A subscriber that keeps what it gets; `onDelivery` may settle. */
export class Inbox implements DeliveryHandler {
  readonly deliveries: Delivery[] = [];
  readonly events: string[] = [];
  readonly problems: string[] = [];
  onDelivery: (delivery: Delivery) => void = () => undefined;

  attached = (link: number) => void this.events.push(`attached ${link}`);
  lost = (link: number) => void this.events.push(`lost ${link}`);
  unavailable = (reason: string) => void this.problems.push(reason);
  delivery(delivery: Delivery): void {
    this.deliveries.push(delivery);
    this.onDelivery(delivery);
  }

  get texts(): string[] {
    return this.deliveries.map(({ message }) => message.body.toString());
  }
}

export interface Rig {
  readonly mesh: Mesh;
  readonly clock: CountingClock;
  readonly log: RecordingLog;
}

export function rig(endpoint: MeshEndpoint, options: Partial<MeshOptions> = {}): Rig {
  const clock = new CountingClock();
  const log = new RecordingLog();
  const mesh = createMesh({
    endpoint,
    clock,
    random: systemRandom,
    log,
    options: { ...shortTimes, ...options },
  });
  return { mesh, clock, log };
}

/** The sandbox's WebSocket endpoint, read from its binding as the service does: the entry that speaks AMQP. */
export function webSocketOf(sandbox: SandboxMesh): Extract<MeshEndpoint, { kind: 'websocket' }> {
  const { messaging } = sandbox.credentials() as {
    messaging: {
      protocol: string[];
      uri: string;
      oa2: { clientid: string; clientsecret: string; tokenendpoint: string };
    }[];
  };
  const entry = messaging.find(({ protocol }) => protocol.includes('amqp10ws'));
  if (entry === undefined) throw new Error('the binding has no AMQP entry');
  const { clientid, clientsecret, tokenendpoint } = entry.oa2;
  return {
    kind: 'websocket',
    uri: entry.uri,
    dialect: 'event-mesh',
    oauth: { tokenUrl: tokenendpoint, clientId: clientid, clientSecret: clientsecret },
  };
}

/** Resolves once `holds` is true, looked at every few milliseconds; fails with `what` after `timeoutMs`. */
export async function eventually(holds: () => boolean, what: string, timeoutMs = 30_000): Promise<void> {
  const untilMs = systemClock.monotonicMs() + timeoutMs;
  while (!holds()) {
    if (systemClock.monotonicMs() > untilMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise<void>((resolve) => {
      systemClock.after(3, resolve);
    });
  }
}

/** A way to a broker on this machine that can be cut and listened to. */
export interface CuttableLine extends Relay {
  /** Everything that went to the broker so far. */
  sent(): Buffer;
}

export async function lineTo(brokerPort: number): Promise<CuttableLine> {
  const sent: Buffer[] = [];
  const relay = await relayTo(brokerPort, {
    join(near, far) {
      near.on('data', (bytes) => sent.push(bytes));
      near.pipe(far).pipe(near);
    },
  });
  return { ...relay, sent: () => Buffer.concat(sent) };
}

export function numbers(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => String(from + index));
}
