/** One instance of the service: a process, and the three ways out of it, on each of which it can be struck. */
import { startService, type ServiceProcess } from '../system/service-process.ts';
import type { Strike } from './points.ts';
import { relayTo, type Relay } from './relay.ts';
import { amqpDialogue } from './wire/amqp.ts';
import { relayHttp } from './wire/http.ts';
import { postgresDialogue } from './wire/postgres.ts';

/** Where the instance would go by itself. */
export interface Ways {
  readonly postgresPort: number;
  readonly meshPort: number;
  readonly apiUrl: string;
}

export interface Instance {
  /** Unique among all that a test starts; the owner of its lanes names it. */
  readonly index: number;
  readonly process: ServiceProcess;
  /** Ended by the test; one that ends otherwise has a defect. */
  isEnded: boolean;
  /** Closes the ways, when its process is gone. */
  close(): Promise<void>;
}

/**
 * @param env what the process would be told if it went straight; ports on this machine are replaced by those of its ways
 * @throws ServiceStartError where it ends before it runs
 */
export async function startInstance(
  index: number,
  { postgresPort, meshPort, apiUrl }: Ways,
  env: Readonly<Record<string, string>>,
  strike: (instance: Instance, ...sighting: Parameters<Strike>) => ReturnType<Strike>,
): Promise<Instance> {
  let started: Instance | undefined;
  // Until it runs, nothing strikes.
  const strikeThis: Strike = (point) => (started ? strike(started, point) : undefined);
  const relays: readonly Relay[] = [
    await relayTo(postgresPort, postgresDialogue, strikeThis),
    await relayTo(meshPort, amqpDialogue, strikeThis),
    await relayHttp(apiUrl, strikeThis),
  ];
  const ports = [postgresPort, meshPort, Number(new URL(apiUrl).port)];
  const close = async (): Promise<void> => {
    for (const relay of relays) await relay.close();
  };
  try {
    const process = await startService({
      ...redirected(env, new Map(ports.map((port, way) => [port, relays[way]?.port ?? port]))),
      CF_INSTANCE_INDEX: String(index),
    });
    started = { index, process, isEnded: false, close };
    return started;
  } catch (error) {
    await close();
    throw error;
  }
}

function redirected(
  env: Readonly<Record<string, string>>,
  ways: ReadonlyMap<number, number>,
): Readonly<Record<string, string>> {
  const address = /(127\.0\.0\.1|localhost):(\d+)/g;
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [
      name,
      value.replaceAll(
        address,
        (_, host: string, port: string) => `${host}:${ways.get(Number(port)) ?? port}`,
      ),
    ]),
  );
}
