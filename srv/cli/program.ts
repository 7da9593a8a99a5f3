/**
 * The commands with their options and help, and what each kind of error means for the exit code. What a command needs is loaded when
 * it runs: the SAP libraries take a second, which a person who asks for help should not wait.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';

import { ERASED } from '../events/erased.ts';
import { ConfigurationError } from '../config/problems.ts';
import { JournalUnavailable } from '../journal/port.ts';
import { PostgresSettingsError } from '../journal/postgres/settings.ts';
import { MeshEndpointError } from '../mesh/endpoint.ts';
import { ManagementError } from '../mesh/management/problem.ts';
import {
  CommandFailure,
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_WRONG_USE,
  type ExitCode,
  type Terminal,
} from './terminal.ts';

const AFTER_HELP = `
Settings and bindings come from the environment, as for the service: VCAP_SERVICES, SERVICE_BINDING_ROOT,
the variable "destinations", and default-env.json in the current folder.

Exit codes: 0 done, 1 failed, 2 wrong use (of the command line, the settings or the bindings).

Examples:
  $ territory-sync check                     is everything that the service needs there, and does it answer?
  $ territory-sync mesh setup                create queues and subscriptions, or report what differs
  $ territory-sync publish changes.json      put territory changes on the mesh, as an upstream system would`;

const PUBLISH_HELP = `
FILE holds one JSON document, an array of them, or one a line (NDJSON); "-" reads standard input. Each is a CloudEvent
or only its data, which then gets an envelope with a new id:

  { "territoryId": "EMEA-NORTH", "assignments": [ { "id": "T001", "fields": { "owner": "E1008" } } ] }

All are checked before the first is sent. They are sent in order, each after the mesh has confirmed the one before;
the ids of the confirmed ones are printed, one a line.`;

const ERASE_HELP = `
Every value equal to ID gives way to "${ERASED}". A dead letter in which a field was erased can be discarded, or replayed with new
assignments. Changes that have not ended are left as they are and named: run the command again when they have. It can be
interrupted and run again at any time. Exit code 1 if anything of the person is left in the journal.`;

const CHECK_HELP = `
Looks at settings and bindings, connects to the mesh, compares the queues with what the service needs, looks up the
destination and asks the territory API for an answer. Changes nothing and takes no message from a queue.
Exit code 1 if anything is wrong.`;

/** Runs one command. Only a defect of the program rejects. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT_DONE;
  const program = createProgram(terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_WRONG_USE;
    const { lines, code } = explain(error);
    for (const line of lines) terminal.err(`territory-sync: ${line}`);
    return code;
  }
}

function createProgram(terminal: Terminal, exit: (code: ExitCode) => void): Command {
  const program = new Command('territory-sync')
    .description(
      'Operates territory-sync, which applies territory changes from the mesh to the territory API.',
    )
    .version(ownVersion(), '-V, --version', 'print the version')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', AFTER_HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
      outputError: (text, write) => write(usageLine(text)),
    });

  const mesh = program.command('mesh').description('queues and subscriptions on the mesh').helpCommand(false);
  mesh
    .command('setup')
    .description('create queues and subscriptions, change what can be changed, report what differs')
    .option('--prune', 'remove subscriptions of the work queue that are not in MESH_SUBSCRIPTIONS')
    .option('--json', 'print the report as JSON')
    .action(async (options: { prune?: true; json?: true }) => {
      const { setUpMesh } = await import('./mesh-setup.ts');
      const obsolete = options.prune ? 'remove' : 'keep';
      exit(await setUpMesh({ obsolete, format: formatOf(options) }, terminal));
    });

  program
    .command('publish')
    .argument('<FILE>', 'JSON or NDJSON with territory changes; "-" for standard input')
    .description('publish territory changes to the mesh')
    .option('--topic <T>', "topic to publish to (default: the service's own namespace and event type)")
    .option('--json', 'print what was published as JSON')
    .addHelpText('after', PUBLISH_HELP)
    .action(async (file: string, options: { topic?: string; json?: true }) => {
      const { publishFile } = await import('./publish.ts');
      const { topic } = options;
      const wanted = { file, format: formatOf(options), ...(topic !== undefined && { topic }) };
      exit(await publishFile(wanted, terminal));
    });

  program
    .command('erase')
    .requiredOption('--person <ID>', 'the id, as the events write it')
    .option('--dry-run', 'only count')
    .option('--json', 'print the report as JSON')
    .description(
      'take a person out of the journal: values of ended changes, dead letters and unsent messages',
    )
    .addHelpText('after', ERASE_HELP)
    .action(async ({ person, ...options }: { person: string; dryRun?: true; json?: true }) => {
      const { erase } = await import('./erase.ts');
      const manner = options.dryRun ? 'count' : 'erase';
      exit(await erase({ person, manner, format: formatOf(options) }, terminal));
    });

  program
    .command('check')
    .description('verify settings, bindings, destination, queue and API access')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', CHECK_HELP)
    .action(async (options: { json?: true }) => {
      const { check } = await import('./check.ts');
      exit(await check({ format: formatOf(options) }, terminal));
    });

  return program;
}

function formatOf({ json }: { json?: true }): 'text' | 'json' {
  return json ? 'json' : 'text';
}

/** The parser's own words on one line, with where to look. */
function usageLine(text: string): string {
  const said = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll(/\s+/g, ' ');
  return `territory-sync: ${said.replace(/[.]?$/, '')}: see territory-sync --help`;
}

function explain(error: unknown): { readonly lines: readonly string[]; readonly code: ExitCode } {
  if (error instanceof CommandFailure) return { lines: [error.message], code: error.exitCode };
  if (error instanceof JournalUnavailable) return { lines: [error.message], code: EXIT_FAILED };
  if (error instanceof PostgresSettingsError) return { lines: [error.message], code: EXIT_WRONG_USE };
  if (error instanceof ConfigurationError) return { lines: error.problems, code: EXIT_WRONG_USE };
  if (error instanceof MeshEndpointError) return { lines: [error.message], code: EXIT_WRONG_USE };
  if (error instanceof ManagementError) return { lines: [error.message], code: EXIT_FAILED };
  throw error;
}

function ownVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  };
  return manifest.version;
}
