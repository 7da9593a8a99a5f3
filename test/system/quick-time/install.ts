/** Loaded before the service (`--import`): its one clock gives way to the quick one. */
import { registerHooks } from 'node:module';

const SYSTEM = new URL('../../../srv/platform/clock.ts', import.meta.url).href;
const QUICK = new URL('clock.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    return found.url === SYSTEM && context.parentURL !== QUICK ? { ...found, url: QUICK } : found;
  },
});
