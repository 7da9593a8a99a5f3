/** `mesh setup`: the same set-up as MESH_SETUP=true makes at the service's start, once and with a report. */
import { readConfiguration } from '../config/configuration.ts';
import { readEnvironment } from '../config/environment.ts';
import {
  createQueueAdministration,
  isSound,
  noManagement,
  planQueues,
  reportLines,
  setupQueues,
} from '../mesh/management/index.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { systemRandom as random } from '../platform/random.ts';
import {
  CommandFailure,
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_WRONG_USE,
  type ExitCode,
  type Terminal,
} from './terminal.ts';

export interface MeshSetupOptions {
  readonly obsolete: 'keep' | 'remove';
  readonly format: 'text' | 'json';
}

/** Exit code 1 where something differs on which a guarantee hangs. */
export async function setUpMesh(
  { obsolete, format }: MeshSetupOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { settings, mesh } = readConfiguration(readEnvironment());
  const administration = createQueueAdministration(mesh, { clock, random });
  if (administration === undefined) throw new CommandFailure(noManagement(mesh.endpoint), EXIT_WRONG_USE);

  const report = await setupQueues(planQueues(settings), { administration, obsolete });
  const sound = isSound(report);
  if (format === 'json') {
    terminal.out(JSON.stringify({ ok: sound, ...report }, undefined, 2));
  } else {
    for (const { kind, text } of reportLines(report)) {
      if (kind === 'problem') terminal.err(`territory-sync: ${text}`);
      else terminal.out(text);
    }
  }
  return sound ? EXIT_DONE : EXIT_FAILED;
}
