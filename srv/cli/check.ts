/** `check`: everything that the service needs from outside, looked at one by one; nothing is changed. */
import { disableExceptionLogger, setGlobalLogLevel } from '@sap-cloud-sdk/util';

import { readConfiguration, type Configuration } from '../config/configuration.ts';
import { readEnvironment } from '../config/environment.ts';
import { ConfigurationError } from '../config/problems.ts';
import { examineRedis } from '../lock/redis/index.ts';
import {
  createQueueAdministration,
  examineQueues,
  ManagementError,
  noManagement,
  planQueues,
} from '../mesh/management/index.ts';
import { MeshEndpointError } from '../mesh/index.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { systemRandom as random } from '../platform/random.ts';
import {
  DestinationError,
  readDestinationProperties,
  TerritoryApiSettingsError,
  withDestinationProperties,
} from '../territory-api/index.ts';
import type { DestinationProperties } from '../territory-api/index.ts';
import { createLateTerritoryApi } from '../territory-api/late-binding.ts';
import { withMesh } from './open-mesh.ts';
import { silentLog as log } from './silent-log.ts';
import { CommandFailure, EXIT_DONE, EXIT_FAILED, type ExitCode, type Terminal } from './terminal.ts';

/** `notice`: no fault, but worth a look. `skipped`: could not be looked at. */
export interface Finding {
  readonly what: 'settings' | 'mesh' | 'queues' | 'locks' | 'destination' | 'api';
  readonly verdict: 'ok' | 'notice' | 'failed' | 'skipped';
  readonly text: string;
}

// SAP Cloud SDK writes to standard output by itself, where only results belong; what it has to say comes as errors too.
disableExceptionLogger();
setGlobalLogLevel('error');

/** A person waits: less patience than the service has. */
const LIMITS = { attempts: 2, readyWithinMs: 20_000 };

export async function check(
  { format }: { readonly format: 'text' | 'json' },
  terminal: Terminal,
): Promise<ExitCode> {
  const findings: Finding[] = [];
  for await (const finding of findAll()) {
    findings.push(finding);
    if (format === 'text')
      terminal.out(`${finding.verdict.padEnd(8)}${finding.what.padEnd(13)}${finding.text}`);
  }
  const ok = findings.every(({ verdict }) => verdict !== 'failed');
  if (format === 'json') terminal.out(JSON.stringify({ ok, findings }, undefined, 2));
  return ok ? EXIT_DONE : EXIT_FAILED;
}

async function* findAll(): AsyncGenerator<Finding> {
  let configuration: Configuration;
  try {
    configuration = readConfiguration(readEnvironment());
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const text of error.problems) yield { what: 'settings', verdict: 'failed', text };
    return;
  }
  for (const text of configuration.warnings) yield { what: 'settings', verdict: 'notice', text };
  yield {
    what: 'settings',
    verdict: 'ok',
    text: `can be used; bound: ${Object.keys(configuration.bindings).join(', ')}`,
  };
  yield await checkMesh(configuration);
  yield* checkQueues(configuration);
  yield* checkLocks(configuration);
  yield* checkApi(configuration);
}

async function checkMesh({ mesh: { endpoint } }: Configuration): Promise<Finding> {
  try {
    await withMesh(endpoint, () => Promise.resolve());
    return { what: 'mesh', verdict: 'ok', text: `connected to ${new URL(endpoint.uri).host}` };
  } catch (error) {
    if (!(error instanceof CommandFailure || error instanceof MeshEndpointError)) throw error;
    return { what: 'mesh', verdict: 'failed', text: error.message };
  }
}

async function* checkQueues({ mesh, settings }: Configuration): AsyncGenerator<Finding> {
  const what = 'queues';
  const administration = createQueueAdministration(mesh, { clock, random, limits: LIMITS });
  if (administration === undefined) {
    yield { what, verdict: 'skipped', text: noManagement(mesh.endpoint) };
    return;
  }
  try {
    const lines = await examineQueues(planQueues(settings), administration);
    for (const { kind, text } of lines)
      yield { what, verdict: kind === 'problem' ? 'failed' : 'notice', text };
    if (lines.every(({ kind }) => kind !== 'problem')) {
      yield {
        what,
        verdict: 'ok',
        text: `${settings.mesh.queue} and its dead-letter queue are as the service needs them`,
      };
    }
  } catch (error) {
    if (!(error instanceof ManagementError)) throw error;
    yield { what, verdict: 'failed', text: error.message };
  }
}

/** Only where a Redis is bound: without one nothing is locked. */
async function* checkLocks({ bindings: { redis } }: Configuration): AsyncGenerator<Finding> {
  if (redis) yield { what: 'locks', ...(await examineRedis({ binding: redis, clock, random, log })) };
}

async function* checkApi({ settings: { territory, propagation } }: Configuration): AsyncGenerator<Finding> {
  let properties: DestinationProperties;
  try {
    properties = await readDestinationProperties(territory.destination);
    const winning = Object.entries(properties).map(([name, value]) => `territory.${name} ${value}`);
    const said = winning.length > 0 ? `; over the settings it says ${winning.join(', ')}` : '';
    yield { what: 'destination', verdict: 'ok', text: `${territory.destination} can be used${said}` };
  } catch (error) {
    if (!(error instanceof DestinationError || error instanceof TerritoryApiSettingsError)) throw error;
    yield { what: 'destination', verdict: 'failed', text: error.message };
    return;
  }
  const settings = {
    ...territory,
    freshValues: territory.cacheFreshValues,
    propagationOff: propagation.maxMs === 0,
  };
  const { protocol, path } = withDestinationProperties(settings, properties);
  try {
    const api = createLateTerritoryApi(settings, { clock, log });
    const trouble = await api.probe(new AbortController().signal);
    yield trouble === undefined
      ? { what: 'api', verdict: 'ok', text: `answers in protocol ${protocol} at ${path}` }
      : { what: 'api', verdict: 'failed', text: `${protocol} at ${path}: ${trouble.message}` };
  } catch (error) {
    if (!(error instanceof TerritoryApiSettingsError)) throw error;
    yield { what: 'settings', verdict: 'failed', text: error.message };
  }
}
