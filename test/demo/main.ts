/**
 * The whole system on one machine: mesh, territory API and service, put through a case that is made to go wrong, and a naive
 * client put through the same. Exit codes: 0 shown, or stopped after the report; 1 not shown; 2 wrong use.
 */
import { parseArguments, UsageError, type DemoOptions } from './arguments.ts';
import { figuresOf } from './figures.ts';
import { runNaiveClient } from './naive-run.ts';
import { offerOneMore } from './one-more.ts';
import { createOwned, type Owned } from './owned.ts';
import { DemoError } from './problem.ts';
import { startOnRabbitMq } from './rabbitmq.ts';
import { isProven, renderReport } from './report.ts';
import { createScenario } from './scenario.ts';
import { runService } from './service-run.ts';
import { startEmbedded, type DemoSystem } from './system.ts';

const output = process.stdout;
const say = (text: string) => void output.write(`${text}\n`);

process.exitCode = await main();

async function main(): Promise<number> {
  let options: DemoOptions;
  try {
    options = parseArguments(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`demo: ${error.message}\n`);
    return 2;
  }
  const owned = createOwned();
  const stopped = untilStopped();
  try {
    return await Promise.race([run(options, owned, stopped), stopped.then(() => stoppedCode(options))]);
  } catch (error) {
    complain(error);
    return 1;
  } finally {
    await owned.end().catch(complain);
  }
}

async function run(options: DemoOptions, owned: Owned, stopped: Promise<void>): Promise<number> {
  const { seed, rabbitMq } = options;
  const scenario = createScenario(seed);
  say(`${scenario.rules[0]}\n`);

  const start = () => (rabbitMq ? startOnRabbitMq(rabbitMq, scenario) : startEmbedded(scenario));
  const system = await owned.own<DemoSystem>(start, (started) => started.stop());
  const { service, play } = await runService(system, scenario, owned, output);
  const naive = await runNaiveClient(scenario, owned, output);
  const report = { service: figuresOf(play), naive: figuresOf(naive), rules: scenario.rules, seed };
  say(`\n${renderReport(report)}`);

  const code = isProven(report) ? 0 : 1;
  if (code !== 0) process.stderr.write(`\nThe last lines of the service:\n${service.output()}\n`);
  if (options.atEnd === 'exit') return code;

  say(`
Still running:
  service        ${service.url}/health/ready
  territory API  ${system.api.url}/territory-api/v1/assignments
  mesh           ${system.meshAddress}
Enter publishes one more change and shows its outcome, Ctrl-C ends everything.`);
  offerOneMore(system, scenario, owned, output);
  await stopped;
  return 0;
}

/** Resolves at the first signal. Ctrl-C reaches the demo twice, from the terminal and from the launcher. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
  });
}

/** Stopped before the report: nothing failed, but nothing was shown either. */
function stoppedCode({ atEnd }: DemoOptions): number {
  return atEnd === 'exit' ? 1 : 0;
}

function complain(error: unknown): void {
  process.stderr.write(`demo: ${describe(error)}\n`);
}

/** A line for what a person can set right; anything else is a defect and keeps its stack. */
function describe(error: unknown): string {
  if (error instanceof DemoError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
