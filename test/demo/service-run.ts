/** The service, as a process of its own and as in production, put through the scenario. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import type { Owned } from './owned.ts';
import { play, type Play } from './play.ts';
import { DemoError } from './problem.ts';
import type { ProgressOutput } from './progress.ts';
import type { Scenario } from './scenario.ts';
import type { DemoSystem } from './system.ts';

const READY_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 50;
/** Longer than the service needs for what it has under way; then it is killed. */
const STOP_WITHIN_MS = 15_000;

/** Starts the service in `system`, which stands until the service is ended by `owned`, and gives it the scenario. */
export async function runService(
  system: DemoSystem,
  scenario: Scenario,
  owned: Owned,
  output: ProgressOutput,
): Promise<{ readonly service: ServiceProcess; readonly play: Play }> {
  const service = await owned.own(() => startService(system.env()), stopService);
  const ended = service.exited.then((code) => {
    throw new DemoError(
      'SERVICE_ENDED',
      `The service ended with code ${code} in the middle of the demo; its last lines:\n${service.output()}`,
    );
  });
  const run = untilReceiving(service).then(() =>
    play(system, scenario, { title: 'territory-sync', output, signal: owned.signal }),
  );
  return { service, play: await Promise.race([run, ended]) };
}

async function untilReceiving(service: ServiceProcess): Promise<void> {
  const untilMs = performance.now() + READY_WITHIN_MS;
  while (!(await isReceiving(service.url))) {
    if (performance.now() > untilMs) {
      throw new DemoError(
        'SERVICE_NOT_READY',
        `The service does not receive from its queue after ${READY_WITHIN_MS / 1000} s; its last lines:\n` +
          service.output(),
      );
    }
    await sleep(LOOK_EVERY_MS);
  }
}

async function isReceiving(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health/ready`);
  const { receiver } = (await response.json()) as { readonly receiver: string };
  return response.ok && receiver === 'active';
}

async function stopService(service: ServiceProcess): Promise<void> {
  const timer = setTimeout(() => void service.kill(), STOP_WITHIN_MS);
  try {
    await service.stop();
  } finally {
    clearTimeout(timer);
  }
}
