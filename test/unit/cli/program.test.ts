import { describe, expect, it } from 'vitest';

import { runCommandLine } from '../../../srv/cli/program.ts';

async function run(...args: readonly string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommandLine(args, {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
  });
  return { code, out: out.join('\n'), err };
}

describe('the command line', () => {
  it.each([
    [
      'an unknown command',
      ['pubish'],
      /^territory-sync: unknown command 'pubish' \(Did you mean publish\?\): see territory-sync --help$/,
    ],
    ['an unknown command of a group', ['mesh', 'set'], /^territory-sync: unknown command 'set'/],
    ['an unknown option', ['check', '--loud'], /^territory-sync: unknown option '--loud'/],
    ['a missing argument', ['publish'], /^territory-sync: missing required argument 'FILE'/],
    ['an argument too many', ['publish', 'a', 'b'], /^territory-sync: too many arguments for 'publish'/],
    [
      'an option without its value',
      ['publish', 'a', '--topic'],
      /^territory-sync: option '--topic <T>' argument missing/,
    ],
  ])('says %s in one line and exits with 2', async (_what, args, line) => {
    const { code, out, err } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toEqual([expect.stringMatching(line)]);
    expect(err[0]).not.toContain('\n');
  });

  it('without a command shows the help and exits with 2', async () => {
    const { code, err } = await run();
    expect(code).toBe(2);
    expect(err.join('\n')).toMatch(/^Usage: territory-sync/);
  });

  it('helps a newcomer: commands, where settings come from, exit codes, examples', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    expect(out).toMatch(/Usage: .*mesh .*publish .*check .*VCAP_SERVICES.*Exit codes.*Examples/s);
  });

  it.each([
    [['help', 'publish'], /NDJSON.*"territoryId"/s],
    [['check', '--help'], /Changes nothing/],
    [['mesh', 'setup', '--help'], /--prune/],
    [['--version'], /^\d+\.\d+\.\d+$/],
  ])('%j exits with 0', async (args, text) => {
    const { code, out, err } = await run(...args);
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(out).toMatch(text);
  });
});
