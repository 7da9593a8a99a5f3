/** Tests that need something of this machine: where it is not found they are left out and the reason is printed; in CI they fail. */
import { describe, test } from 'vitest';

/** Why a service cannot be used on this machine, in half a sentence; undefined if it can. */
export type Missing = string | undefined;

const isCi = process.env['CI'] === 'true';

/** A `describe` whose tests all need what `missing` is about. */
export function describeNeeding(
  missing: Missing,
  name: string,
  body: () => void,
  options: { readonly timeout?: number } = {},
): void {
  say(missing, name);
  if (missing !== undefined && isCi) describe(name, () => test('finds what it needs', () => fail(missing)));
  else describe(name, { ...options, skip: missing !== undefined }, body);
}

/** A `test` that needs what `missing` is about. */
export function testNeeding(
  missing: Missing,
  name: string,
  run: () => Promise<unknown>,
  timeoutMs?: number,
): void {
  say(missing, name);
  if (missing !== undefined && isCi) test(name, () => fail(missing));
  else test.skipIf(missing !== undefined)(name, async () => void (await run()), timeoutMs);
}

function say(missing: Missing, name: string): void {
  if (missing !== undefined && !isCi) console.log(`Skipped: ${name}, since ${missing}`);
}

function fail(missing: string): never {
  throw new Error(`CI leaves out no test, but ${missing}`);
}
