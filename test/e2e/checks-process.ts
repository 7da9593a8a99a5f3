/**
 * `territory-sync check` in many environments, one after the other in one process, since a start costs more than a check. Takes
 * `{"name": {"VARIABLE": "value"}}` by IPC, and answers with what each has written. What would have ended a process of its own stands
 * there as `Uncaught`.
 */
import { runCommandLine } from '../../srv/cli/program.ts';

const written: string[] = [];
const write = (line: string): void => void written.push(line);

// The libraries write by themselves.
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk: Uint8Array | string): boolean => {
    write(String(chunk));
    return true;
  };
}
process.on('uncaughtException', (error) => write(`Uncaught ${error.stack}`));

process.once('message', (environments: Readonly<Record<string, NodeJS.ProcessEnv>>) => {
  void checkAll(environments).then((outputs) => process.send?.(outputs, () => process.exit()));
});

async function checkAll(environments: Readonly<Record<string, NodeJS.ProcessEnv>>) {
  const outputs: Record<string, string> = {};
  for (const [name, env] of Object.entries(environments)) {
    process.env = { ...env };
    await runCommandLine(['check'], { out: write, err: write }).catch((error: unknown) =>
      write(`Uncaught ${error instanceof Error ? error.stack : String(error)}`),
    );
    outputs[name] = written.splice(0).join('\n');
  }
  return outputs;
}
