/** What is added to the environment of a service whose time is to pass faster. */
import type { ServiceProcess } from '../service-process.ts';

/** @param speed how many of its seconds are one of ours */
export function quickTime(speed: number): Readonly<Record<string, string>> {
  return {
    NODE_OPTIONS: `--import ${new URL('install.ts', import.meta.url).href}`,
    TIME_SPEED: String(speed),
  };
}

/** A day and an hour pass for the service at once. */
export function nextDay(service: Pick<ServiceProcess, 'signal'>): void {
  service.signal('SIGUSR2');
}
