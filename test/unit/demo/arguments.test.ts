import { describe, expect, it } from 'vitest';
import { parseArguments, UsageError } from '../../demo/arguments.ts';

const RABBIT = ['--mesh', 'amqp://guest:secret@broker:5672', '--management', 'http://broker:15672'];

describe('the arguments of the demo', () => {
  it('are all optional: the embedded mesh, always the same case, left running', () => {
    expect(parseArguments([])).toEqual({ atEnd: 'leave-running', seed: 1, rabbitMq: undefined });
  });

  it('say to exit, which case to play, and on which RabbitMQ', () => {
    expect(parseArguments(['--exit', '--seed', '42', ...RABBIT])).toEqual({
      atEnd: 'exit',
      seed: 42,
      rabbitMq: { uri: 'amqp://guest:secret@broker:5672', management: 'http://broker:15672' },
    });
  });

  it.each([
    [['--fast'], /--fast/],
    [['now'], /now/],
    [['--seed'], /--seed/],
    [['--seed', 'x'], /--seed takes a number/],
    [['--seed', '-1'], /--seed/],
    [['--seed', '4294967296'], /--seed takes a number/],
    [['--exit=yes'], /--exit/],
    [RABBIT.slice(0, 2), /go together/],
    [RABBIT.slice(2), /go together/],
    [['--mesh', 'http://broker', ...RABBIT.slice(2)], /--mesh takes amqp/],
    [['--mesh', 'broker', ...RABBIT.slice(2)], /--mesh takes amqp/],
    [[...RABBIT.slice(0, 2), '--management', 'broker:15672'], /--management takes http/],
  ])('are refused in one line that says how to use them: %j', (args, complaint) => {
    const refusal = refusalOf(args);
    expect(refusal.message).toMatch(complaint);
    expect(refusal.message).toContain('npm run demo -- [--exit] [--seed N] [--mesh URI --management URL]');
    expect(refusal.message).not.toContain('\n');
  });

  it('keep a password to themselves when they are refused', () => {
    const refusal = refusalOf([
      '--mesh',
      'http://me:secret@broker',
      '--management',
      'http://me:secret@broker',
    ]);
    expect(refusal.message).not.toContain('secret');
  });
});

function refusalOf(args: readonly string[]): UsageError {
  try {
    parseArguments(args);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error(`not refused: ${args.join(' ')}`);
}
