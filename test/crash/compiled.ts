/**
 * Most of an instance's start is compiling, and most instances here are killed before they could leave to the next ones what they have
 * compiled. So one is started and ended in peace first. Node itself sees to it that what it finds there fits the sources.
 */
import { fileURLToPath } from 'node:url';
import { startService } from '../system/service-process.ts';
import { startWorld } from '../system/world.ts';

/** Kept for the next run. */
export const COMPILED = fileURLToPath(new URL('../../.tmp/compiled', import.meta.url));

/** Before all tests. */
export default async function compile(): Promise<void> {
  const world = await startWorld();
  try {
    const service = await startService(world.env({ NODE_COMPILE_CACHE: COMPILED }));
    await world.untilReceiving();
    const code = await service.stop();
    if (code !== 0)
      throw new Error(`an instance with nothing to do ended with ${code}:\n${service.output()}`);
  } finally {
    await world.stop();
  }
}
