/** Looks again and again at how many records a flight may take, as the service's own metrics tell it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { series } from '../../system/prometheus.ts';
import type { Sample } from '../runner/chart.ts';

const EVERY_MS = 200;

export interface BatchSizes {
  /** Resolves with what was seen, from the first look to the last one that had begun. */
  stop(): Promise<readonly Sample[]>;
}

/** @param url of the service */
export function watchBatchSizes(url: string): BatchSizes {
  const samples: Sample[] = [];
  const stopping = new AbortController();
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const answer = await fetch(`${url}/metrics`);
      const value = series(await answer.text())['territory_sync_batch_size'];
      if (value === undefined) throw new Error('the service does not tell its batch size');
      samples.push({ atMs: performance.now(), value });
      await sleep(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  // Told at the stop.
  watching.catch(() => undefined);
  return {
    async stop() {
      stopping.abort();
      await watching;
      return samples;
    },
  };
}
